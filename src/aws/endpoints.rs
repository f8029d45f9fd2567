//! Which kind of endpoint requests to AWS use: FIPS, dual stack, both or neither.
//!
//! The texts of two variables -> an [`EndpointVariant`]. Pure.
//!
//! Not here: the host names themselves, which the SDK's endpoint rules make.

/// The variable that asks for FIPS endpoints.
const USE_FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
/// The variable that asks for endpoints with IPv6.
const USE_DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// The kind of endpoint that requests to S3 and STS use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EndpointVariant {
    /// Endpoints with cryptography validated by FIPS 140 (`s3-fips.REGION.amazonaws.com`).
    pub fips: bool,
    /// Endpoints that also answer on IPv6 (`s3.dualstack.REGION.amazonaws.com`).
    pub dual_stack: bool,
}

/// A variable that is neither on nor off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable {variable} must be `true` or `false`")]
pub(crate) struct VariantError {
    /// Its name. The value is not repeated.
    pub variable: &'static str,
}

impl EndpointVariant {
    /// Returns what `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` ask for; `var` reads a
    /// variable.
    ///
    /// # Errors
    /// A value other than `true` and `false`: a typing error must not switch FIPS off.
    pub(crate) fn from_variables(
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, VariantError> {
        let is_on = |variable: &'static str| match var(variable) {
            None => Ok(false),
            Some(value) if value.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(VariantError { variable }),
        };
        Ok(Self { fips: is_on(USE_FIPS)?, dual_stack: is_on(USE_DUAL_STACK)? })
    }

    /// Returns ` (AWS_USE_FIPS_ENDPOINT)` and the like, for a message about a request that found no
    /// server: not every region has every kind of endpoint. Empty for the default endpoints.
    #[must_use]
    pub(crate) fn remark(self) -> String {
        let asked = [(self.fips, USE_FIPS), (self.dual_stack, USE_DUAL_STACK)];
        let names: Vec<&str> =
            asked.iter().filter(|(is_on, _)| *is_on).map(|(_, name)| *name).collect();
        if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_is_on_off_or_an_error() {
        let read = |fips: Option<&str>, dual_stack: Option<&str>| {
            EndpointVariant::from_variables(|name| {
                let value = if name == USE_FIPS { fips } else { dual_stack };
                value.map(str::to_owned)
            })
        };
        let variant = |fips, dual_stack| Ok(EndpointVariant { fips, dual_stack });
        assert_eq!(read(None, None), variant(false, false));
        assert_eq!(read(Some("true"), Some("false")), variant(true, false));
        assert_eq!(read(Some("TRUE"), Some("True ")), variant(true, true));
        assert_eq!(read(None, Some("true")), variant(false, true));
        assert_eq!(read(Some("1"), None), Err(VariantError { variable: USE_FIPS }));
        assert_eq!(
            read(Some("false"), Some("yes")),
            Err(VariantError { variable: USE_DUAL_STACK })
        );
    }

    #[test]
    fn a_remark_names_the_variables_that_are_on() {
        let remark = |fips, dual_stack| EndpointVariant { fips, dual_stack }.remark();
        assert_eq!(remark(false, false), "");
        assert_eq!(remark(true, false), " (AWS_USE_FIPS_ENDPOINT)");
        assert_eq!(remark(true, true), " (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT)");
    }
}
