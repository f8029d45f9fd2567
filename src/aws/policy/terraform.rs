//! The documents as a Terraform snippet.
//!
//! [`PolicySubject`] -> HCL: the documents in `locals`, the resources that hold them. Pure.
//!
//! Invariant: `terraform fmt` changes nothing in the text.

use serde_json::Value;

use super::{Document, DocumentKind, PolicySubject, documents};

/// Returns a snippet with a policy, and with a role if the connector signs in with one.
#[must_use]
pub(crate) fn terraform(subject: &PolicySubject) -> String {
    let mut text = String::from("locals {\n");
    for Document { kind, policy, .. } in documents(subject) {
        let name = match kind {
            DocumentKind::Permissions => "destination_s3_permissions",
            DocumentKind::Trust => "destination_s3_trust",
            // It belongs to another account, and so to another Terraform configuration.
            DocumentKind::Caller => continue,
        };
        if !text.ends_with("{\n") {
            text.push('\n');
        }
        text.push_str(&format!("  {name} = jsonencode("));
        hcl(&policy, 1, &mut text);
        text.push_str(")\n");
    }
    text.push_str("}\n\n");
    text.push_str(POLICY);
    let Some(role) = &subject.role else { return text };
    let path_and_name =
        role.arn.splitn(6, ':').nth(5).unwrap_or_default().trim_start_matches("role/");
    let (path, name) = match path_and_name.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), path_and_name),
    };
    text.push_str(&format!(
        "\nresource \"aws_iam_role\" \"destination_s3\" {{\n  name               = {}\n  \
         path               = {}\n  assume_role_policy = local.destination_s3_trust\n}}\n",
        quoted(name),
        quoted(&path)
    ));
    text.push_str(ATTACHMENT);
    text
}

const POLICY: &str = r#"resource "aws_iam_policy" "destination_s3" {
  name   = "destination-s3"
  policy = local.destination_s3_permissions
}
"#;

const ATTACHMENT: &str = r#"
resource "aws_iam_role_policy_attachment" "destination_s3" {
  role       = aws_iam_role.destination_s3.name
  policy_arn = aws_iam_policy.destination_s3.arn
}
"#;

/// Appends a value as an expression. Its lines after the first are indented by at least `depth`.
fn hcl(value: &Value, depth: usize, text: &mut String) {
    let indent = |depth: usize| "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            text.push_str("{\n");
            // `terraform fmt` lines up the `=` of neighbours that take one line each.
            let mut members = members.iter().peekable();
            let mut run = Vec::new();
            while let Some((name, member)) = members.next() {
                run.push((name, member));
                let ends = !takes_one_line(member)
                    || members.peek().is_none_or(|(_, next)| !takes_one_line(next));
                if ends {
                    let width = run.iter().map(|(name, _)| key(name).len()).max().unwrap_or(0);
                    for (name, member) in run.drain(..) {
                        text.push_str(&format!("{}{:width$} = ", indent(depth + 1), key(name)));
                        hcl(member, depth + 1, text);
                        text.push('\n');
                    }
                }
            }
            text.push_str(&format!("{}}}", indent(depth)));
        }
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            let entries: Vec<String> =
                entries.iter().filter_map(Value::as_str).map(quoted).collect();
            text.push_str(&format!("[{}]", entries.join(", ")));
        }
        Value::Array(entries) => {
            text.push_str("[\n");
            for entry in entries {
                text.push_str(&indent(depth + 1));
                hcl(entry, depth + 1, text);
                text.push_str(",\n");
            }
            text.push_str(&format!("{}]", indent(depth)));
        }
        Value::String(string) => text.push_str(&quoted(string)),
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
    }
}

fn takes_one_line(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(entries) => entries.iter().all(Value::is_string),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Returns a name, without quotes if HCL allows it.
fn key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if bare { name.to_owned() } else { quoted(name) }
}

/// Returns a quoted string in HCL, with `${` and `%{` escaped: they would begin a template.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace("${", "$${").replace("%{", "%%{")
}
