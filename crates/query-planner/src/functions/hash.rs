//! The hash mask: equal texts stay equal, nothing else remains.

use std::fmt;
use std::sync::Arc;

use datafusion_common::arrow::array::{Array, AsArray, StringArray};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The key of the hash mask. Whoever has it can test guesses, so it is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MaskKey([u8; 32]);

impl MaskKey {
    /// A key of 32 bytes, which should be random and kept.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

/// The first 128 bits of the keyed BLAKE3 hash of a text, in hexadecimal.
pub(crate) fn mask_hash(value: Expr, key: &MaskKey) -> Expr {
    let signature = Signature::exact(vec![DataType::Utf8], Volatility::Immutable);
    let function = ScalarUDF::from(MaskHash { key: key.clone(), signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![value]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MaskHash {
    key: MaskKey,
    signature: Signature,
}

impl ScalarUDFImpl for MaskHash {
    fn name(&self) -> &str {
        "mask_hash"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else { return exec_err!("an argument is missing") };
        let array = value.to_array(args.number_rows)?;
        let Some(texts) = array.as_string_opt::<i32>() else {
            return exec_err!("a text is expected, not {}", array.data_type());
        };
        let hashed: StringArray = texts
            .iter()
            .map(|text| {
                text.map(|text| {
                    let hash = blake3::keyed_hash(&self.key.0, text.as_bytes());
                    hash.to_hex().chars().take(32).collect::<String>()
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(hashed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_never_shown() {
        let key = MaskKey::new([7; 32]);
        assert_eq!(format!("{key:?}"), "MaskKey(..)");
        let shown = format!("{:?}", mask_hash(datafusion_expr::col("a"), &key));
        assert!(!shown.contains("7, 7"), "{shown}");
    }
}
