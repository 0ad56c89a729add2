//! Write records as JSON, off the request's path but for each request: most of a record are names that are always the same, and
//! texts that need no escapes, of which a serializer looks at every byte.

use serde_json::{Map, Value, to_writer};

use super::record::{ApiRecord, RequestParams};
use super::texts::Texts;

type Written = serde_json::Result<()>;

impl ApiRecord {
    /// Appends the JSON that the record serializes to. After an error, a part of it may be there.
    pub(crate) fn write_json(&self, json: &mut Vec<u8>) -> Written {
        json.extend_from_slice(br#"{"api_path":"#);
        text(&self.api_path, json)?;
        json.extend_from_slice(br#","api_method":"#);
        text(&self.api_method, json)?;
        json.extend_from_slice(br#","status_code":"#);
        to_writer(&mut *json, &self.status_code)?;
        json.extend_from_slice(br#","response_time":"#);
        to_writer(&mut *json, &self.response_time)?;
        json.extend_from_slice(br#","error_message":"#);
        or_null(self.error_message.as_deref(), json, text)?;
        json.extend_from_slice(br#","request_params":"#);
        or_null(self.request_params.as_ref(), json, params)?;
        json.extend_from_slice(br#","response_headers":"#);
        or_null(self.response_headers.as_ref(), json, texts)?;
        json.push(b'}');
        Ok(())
    }
}

fn params(params: &RequestParams, json: &mut Vec<u8>) -> Written {
    json.extend_from_slice(br#"{"headers":"#);
    texts(&params.headers, json)?;
    json.extend_from_slice(br#","query_params":"#);
    fields(&params.query_params, json)?;
    json.extend_from_slice(br#","view_params":"#);
    texts(&params.view_params, json)?;
    json.extend_from_slice(br#","request_body":"#);
    to_writer(&mut *json, &params.request_body)?;
    json.extend_from_slice(br#","form_params":"#);
    fields(&params.form_params, json)?;
    json.push(b'}');
    Ok(())
}

fn or_null<T: ?Sized>(
    value: Option<&T>,
    json: &mut Vec<u8>,
    write: impl FnOnce(&T, &mut Vec<u8>) -> Written,
) -> Written {
    match value {
        Some(value) => write(value, json),
        None => {
            json.extend_from_slice(b"null");
            Ok(())
        }
    }
}

fn texts(texts: &Texts, json: &mut Vec<u8>) -> Written {
    let mut before = b'{';
    for (name, value) in texts.iter() {
        json.push(before);
        text(name, json)?;
        json.push(b':');
        text(value, json)?;
        before = b',';
    }
    if before == b'{' {
        json.push(b'{');
    }
    json.push(b'}');
    Ok(())
}

fn fields(fields: &Map<String, Value>, json: &mut Vec<u8>) -> Written {
    if fields.is_empty() {
        json.extend_from_slice(b"{}");
        return Ok(());
    }
    to_writer(json, fields)
}

fn text(text: &str, json: &mut Vec<u8>) -> Written {
    // All bytes, and so by vectors, where a search would end at the first.
    let is_escaped = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    if text.as_bytes().iter().fold(false, |any, byte| any | is_escaped(byte)) {
        return to_writer(json, text);
    }
    json.push(b'"');
    json.extend_from_slice(text.as_bytes());
    json.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    /// Every text in every place, alone and with all others.
    #[test]
    fn it_is_what_a_serializer_writes() {
        let controls: String = (0..=0x20_u8).map(char::from).collect();
        let texts = ["", "/me", "\"", "\\", "a\nb", &controls, "\u{7f}\u{80}é爱🦀", "\u{2028}", "/\"/\\/"];
        let set: [fn(ApiRecord, &str) -> ApiRecord; 9] = [
            |record, text| record.error_message(text),
            |record, text| record.request_header("user-agent", text),
            |record, text| record.request_header(text, "x").username(text),
            |record, text| record.query(&format!("page=1&q={text}&q=2")),
            |record, text| record.path_param("id", text).path_param(text, "7"),
            |record, text| record.request_body(json!({ "a": [text, null, 1.5], text: {} })),
            |record, text| record.request_text(text),
            |record, text| record.form(format!("name={text}").as_bytes()),
            |record, text| record.response_header("x-match-cost", text).response_header(text, ""),
        ];
        for text in texts {
            let bare = || ApiRecord::new(text, text).status(404).took(Duration::from_nanos(1_234_567));
            let records = set.iter().map(|set| set(bare(), text));
            let all = set.iter().fold(bare(), |record, set| set(record, text));
            for record in records.chain([bare(), all, ApiRecord::new("GET", "/").took(Duration::MAX)]) {
                let mut json = b"before".to_vec();
                record.write_json(&mut json).unwrap();
                let expected = format!("before{}", serde_json::to_string(&record).unwrap());
                assert_eq!(String::from_utf8(json).unwrap(), expected);
            }
        }
    }
}
