//! The texts that MySQL's enums and sets declare. A number, or a text that is none of them, would be taken for a place in the
//! list, and so for another text: 1 is `0` in `enum('0','1')`.

use serde_json::Value;

use super::column::Column;

/// How a table says no and yes.
const NO_AND_YES: [[&str; 2]; 6] =
    [["false", "true"], ["0", "1"], ["no", "yes"], ["n", "y"], ["off", "on"], ["f", "t"]];

impl Column {
    /// Returns the text of an enum, or the texts of a set with commas between, that stands for the value. `None` if there is
    /// none.
    pub(crate) fn label(&self, value: &Value) -> Option<String> {
        let labels = labels(&self.declared);
        let declared = |text: &str| labels.iter().find(|label| label.to_lowercase() == text.to_lowercase());
        match value {
            Value::Bool(is) => {
                let pair =
                    NO_AND_YES.iter().find(|pair| pair.iter().all(|label| declared(label).is_some()))?;
                declared(pair[usize::from(*is)]).cloned()
            }
            Value::Number(number) => declared(&number.to_string()).cloned(),
            Value::String(text) if self.cast == "set" => {
                let texts = text.split(',').filter(|text| !text.is_empty());
                let texts = texts.map(|text| declared(text).map(String::as_str)).collect::<Option<Vec<_>>>();
                texts.map(|texts| texts.join(","))
            }
            Value::String(text) => declared(text).cloned(),
            _ => None,
        }
    }
}

/// The texts of `enum('On','o''ff')`.
fn labels(declared: &str) -> Vec<String> {
    let (mut labels, mut label, mut is_inside) = (vec![], String::new(), false);
    let mut characters = declared.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' if !is_inside => is_inside = true,
            '\'' if characters.next_if_eq(&'\'').is_some() => label.push('\''),
            '\'' => {
                is_inside = false;
                labels.push(std::mem::take(&mut label));
            }
            other if is_inside => label.push(other),
            _ => {}
        }
    }
    labels
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::column::Kind;
    use super::*;

    #[test]
    fn values_are_declared_texts_and_never_places() {
        for (declared, value, label) in [
            ("enum('0','1')", json!(1), Some("1")),
            ("enum('0','1')", json!("0"), Some("0")),
            ("enum('0','1')", json!(true), Some("1")),
            ("enum('0','1')", json!(2), None),
            ("enum('N','Y')", json!(true), Some("Y")),
            ("enum('Y','N')", json!(false), Some("N")),
            ("enum('true','false')", json!(false), Some("false")),
            ("enum('on','away')", json!(true), None),
            ("enum('low','high')", json!("2"), None),
            ("enum('low','high')", json!("HIGH"), Some("high")),
            ("enum('On','o''ff, really')", json!("o'ff, really"), Some("o'ff, really")),
            ("enum('','a')", json!(""), Some("")),
            ("enum('a')", json!(""), None),
            ("enum('a')", json!(["a"]), None),
            ("set('a','b','c')", json!("c,A"), Some("c,a")),
            ("set('a','b','c')", json!(""), Some("")),
            ("set('a','b','c')", json!("a,x"), None),
            ("set('a','b','c')", json!(3), None),
            ("set('a','b','c')", json!("3"), None),
            ("set('1','2')", json!(2), Some("2")),
        ] {
            let cast = declared.split_once('(').unwrap().0;
            let column = Column { declared: declared.to_owned(), ..Column::of("a", Kind::Label, cast) };
            assert_eq!(column.label(&value).as_deref(), label, "{value} for {declared}");
        }
    }
}
