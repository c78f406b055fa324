//! What columns and fields are called, and the names of types.

use sandbar::{SemanticType, Type};

use super::words::Bucket;

/// A name for people, made of a name for programs: `created_at` is `Created At`.
pub(super) fn humanized(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut letters = word.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{}", letters.as_str())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The label, or what the name makes.
pub(super) fn display(label: Option<&str>, name: &str) -> String {
    label.map_or_else(|| humanized(name), str::to_owned)
}

/// The name of a bucketed field: `Created At: Month`.
pub(super) fn bucketed(display: &str, bucket: Option<Bucket>) -> String {
    let Some(bucket) = bucket else { return display.to_owned() };
    let name = bucket.name().replace('-', " ");
    let mut letters = name.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{display}: {first}{}", letters.as_str())
}

/// Names that are each there once: `sum`, `sum_2`, `sum_3`.
#[derive(Default)]
pub(super) struct Unique(Vec<String>);

impl Unique {
    pub(super) fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut count = 1;
        while self.0.contains(&name) {
            count += 1;
            name = format!("{wanted}_{count}");
        }
        self.0.push(name.clone());
        name
    }
}

/// The kind of a field's values, for programs that do not know types.
pub(super) fn kind(data_type: Type) -> Option<&'static str> {
    match data_type {
        Type::Boolean => Some("boolean"),
        Type::Text => Some("string"),
        Type::Integer | Type::Number | Type::Decimal { .. } => Some("number"),
        Type::Datetime => Some("datetime"),
        Type::Date => Some("date"),
        Type::Other | Type::Null => None,
    }
}

/// The type of a column, in Metabase's words.
pub(super) fn base_type(data_type: Type) -> &'static str {
    match data_type {
        Type::Boolean => "type/Boolean",
        Type::Text => "type/Text",
        Type::Integer => "type/Integer",
        // The sum of whole numbers.
        Type::Decimal { scale: 0, .. } => "type/BigInteger",
        Type::Decimal { .. } => "type/Decimal",
        Type::Number => "type/Float",
        Type::Datetime => "type/DateTime",
        Type::Date => "type/Date",
        Type::Other | Type::Null => "type/*",
    }
}

/// The type of a column, in the words of SQL.
pub(super) fn database_type(data_type: Type) -> Option<String> {
    Some(match data_type {
        Type::Boolean => "BOOLEAN".to_owned(),
        Type::Text => "VARCHAR".to_owned(),
        Type::Integer => "BIGINT".to_owned(),
        Type::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        Type::Number => "DOUBLE".to_owned(),
        Type::Datetime => "TIMESTAMP WITH TIME ZONE".to_owned(),
        Type::Date => "DATE".to_owned(),
        Type::Other | Type::Null => return None,
    })
}

/// What the values mean, in Metabase's words.
pub(super) fn semantic_type(semantic: SemanticType) -> Option<&'static str> {
    Some(match semantic {
        SemanticType::Key => "type/PK",
        SemanticType::ForeignKey => "type/FK",
        SemanticType::Category => "type/Category",
        SemanticType::Name => "type/Name",
        SemanticType::Title => "type/Title",
        SemanticType::Description => "type/Description",
        SemanticType::Money => "type/Currency",
        SemanticType::Quantity => "type/Quantity",
        SemanticType::Percentage => "type/Percentage",
        SemanticType::Score => "type/Score",
        SemanticType::Latitude => "type/Latitude",
        SemanticType::Longitude => "type/Longitude",
        SemanticType::City => "type/City",
        SemanticType::State => "type/State",
        SemanticType::Country => "type/Country",
        SemanticType::ZipCode => "type/ZipCode",
        SemanticType::Address => "type/Address",
        SemanticType::Email => "type/Email",
        SemanticType::Url => "type/URL",
        SemanticType::CreatedAt => "type/CreationTimestamp",
        SemanticType::UpdatedAt => "type/UpdatedTimestamp",
        SemanticType::BirthDate => "type/Birthdate",
        SemanticType::Secret => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_people() {
        for (name, wanted) in
            [("orders", "Orders"), ("created_at", "Created At"), ("a", "A"), ("", "")]
        {
            assert_eq!(humanized(name), wanted);
        }
    }

    #[test]
    fn a_name_that_is_taken_is_counted() {
        let mut unique = Unique::default();
        let names = ["count", "count", "sum", "count", "count_2"].map(|name| unique.name(name));
        assert_eq!(names, ["count", "count_2", "sum", "count_3", "count_2_2"]);
    }
}
