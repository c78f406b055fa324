//! Routes as they are put together: whatever is served stands in a list, too, with what its document
//! tells of it. The leak suite asks through each route of that list, so that none can be added and
//! forgotten there (tests/it/entrances.rs, which also sees to it that nothing else here adds routes to
//! a router).

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Router, middleware};

use crate::operation::Operation;
use crate::tags::tagged;

/// A way in over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Route {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path, with parameters in braces: `/api/agent/tables/{id}`.
    pub path: String,
}

/// A router, and the list of what it serves.
pub(crate) struct Routes<S> {
    router: Router<S>,
    list: Vec<(Route, Operation)>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    pub(crate) fn get<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, S>,
        operation: Operation,
    ) -> Self {
        self.with("GET", path, get(handler), operation)
    }

    pub(crate) fn post<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, S>,
        operation: Operation,
    ) -> Self {
        self.with("POST", path, post(handler), operation)
    }

    pub(crate) fn delete<T: 'static>(
        self,
        path: &str,
        handler: impl Handler<T, S>,
        operation: Operation,
    ) -> Self {
        self.with("DELETE", path, delete(handler), operation)
    }

    fn with(
        mut self,
        method: &'static str,
        path: &str,
        served: MethodRouter<S>,
        operation: Operation,
    ) -> Self {
        self.list.push((Route { method, path: path.to_owned() }, operation));
        Self { router: self.router.route(path, served), list: self.list }
    }

    /// These, and others below a path.
    pub(crate) fn under(mut self, prefix: &str, others: Self) -> Self {
        self.list.extend(others.list.into_iter().map(|(route, operation)| {
            (Route { path: format!("{prefix}{}", route.path), ..route }, operation)
        }));
        Self { router: self.router.nest(prefix, others.router), list: self.list }
    }

    /// These and others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        Self { router: self.router.merge(others.router), list: self.list }
    }

    /// The same, with bodies of at most so many bytes.
    pub(crate) fn with_bodies(self, bytes: usize) -> Self {
        Self { router: self.router.layer(DefaultBodyLimit::max(bytes)), list: self.list }
    }

    /// The same, with each operation as it is told here.
    pub(crate) fn each(self, told: fn(Operation) -> Operation) -> Self {
        let list = self.list.into_iter().map(|(route, operation)| (route, told(operation)));
        Self { router: self.router, list: list.collect() }
    }

    /// The same, with tags of what a `GET` tells.
    pub(crate) fn with_tags(mut self) -> Self {
        for (route, operation) in &mut self.list {
            operation.tagged = route.method == "GET";
        }
        Self { router: self.router.layer(middleware::from_fn(tagged)), list: self.list }
    }

    /// What serves them.
    pub(crate) fn router(self) -> Router<S> {
        self.router
    }

    /// What is served.
    pub(crate) fn list(&self) -> &[(Route, Operation)] {
        &self.list
    }
}
