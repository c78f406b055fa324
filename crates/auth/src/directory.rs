//! Who is known: people by their folded e-mail addresses, of a host or of a list.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use parking_lot::RwLock;

use crate::attribute::AttributeValue;
use crate::principal_builder::{PrincipalError, checked_email, checked_name};

/// How many people a list takes in by itself.
const MOST_ADDED: usize = 100_000;

/// Somebody who is known: what counts of him besides what his token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    email: String,
    active: bool,
    groups: Vec<String>,
    attributes: BTreeMap<String, AttributeValue>,
}

impl Person {
    /// Somebody active, without groups and attributes.
    ///
    /// # Errors
    /// An address that could be mistaken for another.
    pub fn new(email: &str) -> Result<Self, PrincipalError> {
        let email = checked_email(email)?;
        Ok(Self { email, active: true, groups: Vec::new(), attributes: BTreeMap::new() })
    }

    /// He is in this group, whatever his token says.
    ///
    /// # Errors
    /// A name that no group can have.
    pub fn group(mut self, name: &str) -> Result<Self, PrincipalError> {
        checked_name("group", name)?;
        self.groups.push(name.to_owned());
        Ok(self)
    }

    /// He has this attribute, in place of one of this name in his token.
    ///
    /// # Errors
    /// A name that no attribute can have.
    pub fn attribute(
        mut self,
        name: &str,
        value: impl Into<AttributeValue>,
    ) -> Result<Self, PrincipalError> {
        checked_name("attribute name", name)?;
        self.attributes.insert(name.to_owned(), value.into());
        Ok(self)
    }

    /// He is known and may not come in.
    #[must_use]
    pub fn inactive(self) -> Self {
        Self { active: false, ..self }
    }

    /// The folded address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether he may come in.
    pub fn is_active(&self) -> bool {
        self.active
    }

    pub(crate) fn groups(&self) -> &[String] {
        &self.groups
    }

    pub(crate) fn attributes(&self) -> &BTreeMap<String, AttributeValue> {
        &self.attributes
    }
}

/// Names of attributes without their values, which belong in no log.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("email", &self.email)
            .field("active", &self.active)
            .field("groups", &self.groups)
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Who is known to a host. It is asked at every request, after the signature and the claims, so
/// that whoever is taken out of it is out at the next one; it answers from memory.
pub trait Directory: Send + Sync {
    /// The person with this folded address.
    fn find(&self, email: &str) -> Option<Person>;

    /// Takes in somebody who is not known and whose token is right; `false` if nobody is taken
    /// in, which is the answer unless a directory says otherwise.
    fn add(&self, email: &str) -> bool {
        let _ = email;
        false
    }
}

/// Two people of a list have one address, if the case of letters does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{email}` stands twice: the case of letters does not count")]
pub struct SamePerson {
    /// The folded address.
    pub email: String,
}

/// A list of people in memory.
///
/// ```
/// use sandbar_auth::{Directory, People, Person};
///
/// let ana = Person::new("Ana@shop.test")?.group("analysts")?;
/// let people = People::new([ana]).unwrap();
/// assert!(people.find("ana@shop.test").is_some());
/// assert!(people.find("ANA@shop.test").is_none(), "it is asked for folded addresses");
/// # Ok::<(), sandbar_auth::PrincipalError>(())
/// ```
#[derive(Debug, Default)]
pub struct People {
    known: RwLock<HashMap<String, Person>>,
}

impl People {
    /// These people.
    ///
    /// # Errors
    /// The first who stands twice.
    pub fn new(people: impl IntoIterator<Item = Person>) -> Result<Self, SamePerson> {
        let mut known: HashMap<String, Person> = HashMap::new();
        for person in people {
            let email = person.email.clone();
            if known.insert(email.clone(), person).is_some() {
                return Err(SamePerson { email });
            }
        }
        Ok(Self { known: RwLock::new(known) })
    }

    /// Knows these people from now on, and nobody else.
    pub fn replace(&self, other: Self) {
        *self.known.write() = other.known.into_inner();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.read().len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Directory for People {
    fn find(&self, email: &str) -> Option<Person> {
        self.known.read().get(email).cloned()
    }

    fn add(&self, email: &str) -> bool {
        let Ok(person) = Person::new(email) else { return false };
        let mut known = self.known.write();
        // Whoever came first, or was entered in the meantime, stays as he is.
        if known.len() < MOST_ADDED {
            known.entry(person.email.clone()).or_insert(person);
        }
        known.contains_key(email)
    }
}
