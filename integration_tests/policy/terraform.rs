//! `policy --terraform`: the snippet holds the documents that `policy` prints as JSON.
//!
//! Every snippet is read by a small HCL reader of this file. `make test` also has Terraform
//! evaluate it where Terraform is installed, and says so where it is not; `make test-terraform`
//! fails without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::policy::{cases, policy, stdout};

/// Returns what a case's snippet must hold: the documents by their names.
fn expected(config: &Value, options: &[&'static str]) -> BTreeMap<String, Value> {
    let document = |which: &'static str| {
        serde_json::from_str(&printed(config, options, &["--only", which])).unwrap()
    };
    let mut documents = BTreeMap::new();
    documents.insert("destination_s3_permissions".to_owned(), document("permissions"));
    if config["authentication"]["role_arn"].is_string() {
        documents.insert("destination_s3_trust".to_owned(), document("trust"));
    }
    documents
}

fn printed(config: &Value, options: &[&'static str], more: &[&'static str]) -> String {
    let options: Vec<&str> = options.iter().chain(more).copied().collect();
    stdout(&policy(config, &options))
}

#[test]
fn a_snippet_holds_the_printed_documents() {
    for (name, config, options) in cases() {
        let Hcl { locals, resources } = Hcl::read(&printed(&config, options, &["--terraform"]));
        assert_eq!(locals, expected(&config, options), "{name}");
        let mut kinds = vec!["aws_iam_policy"];
        assert_eq!(
            resources["aws_iam_policy"]["policy"], "local.destination_s3_permissions",
            "{name}"
        );
        if let Some(arn) = config["authentication"]["role_arn"].as_str() {
            kinds.extend(["aws_iam_role", "aws_iam_role_policy_attachment"]);
            let text = |member: &str| resources["aws_iam_role"][member].as_str().unwrap();
            assert!(
                arn.ends_with(&format!(":role{}{}", text("path"), text("name"))),
                "{name}: {arn}"
            );
            assert_eq!(text("assume_role_policy"), "local.destination_s3_trust", "{name}");
        }
        assert_eq!(resources.keys().collect::<Vec<_>>(), kinds, "{name}");
    }
}

#[test]
#[ignore = "needs terraform: `make test` runs it where that is installed, `make test-terraform` \
    anywhere"]
fn terraform_evaluates_a_snippet_to_the_printed_documents() {
    let terraform = Terraform::find().expect("terraform is not on the PATH: install it");
    for (name, config, options) in cases() {
        let snippet = printed(&config, options, &["--terraform"]);
        assert_eq!(terraform.documents(&snippet), expected(&config, options), "{name}");
    }
}

/// The installed `terraform` command.
struct Terraform {
    binary: PathBuf,
}

impl Terraform {
    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let binary = std::env::split_paths(&path)
            .map(|folder| folder.join("terraform"))
            .find(|file| file.is_file())?;
        Some(Self { binary })
    }

    /// Returns the documents of a snippet as Terraform evaluates them. The resources, which would
    /// need a provider, are left out, so that Terraform fetches nothing.
    fn documents(&self, snippet: &str) -> BTreeMap<String, Value> {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("cli.tfrc"), "").unwrap();
        fs::write(folder.path().join("main.tf"), snippet).unwrap();
        self.run(folder.path(), &["fmt", "-check"]);

        let (locals, _) = snippet.split_once("\n}\n").unwrap();
        let mut evaluated = format!("{locals}\n}}\n");
        for name in Hcl::read(snippet).locals.keys() {
            evaluated.push_str(&format!("output \"{name}\" {{\n  value = local.{name}\n}}\n"));
        }
        fs::write(folder.path().join("main.tf"), evaluated).unwrap();
        self.run(folder.path(), &["init", "-input=false", "-no-color"]);
        self.run(folder.path(), &["apply", "-auto-approve", "-input=false", "-no-color"]);
        let outputs: Map<String, Value> =
            serde_json::from_str(&self.run(folder.path(), &["output", "-json"])).unwrap();
        let document =
            |output: &Value| serde_json::from_str(output["value"].as_str().unwrap()).unwrap();
        outputs.iter().map(|(name, output)| (name.clone(), document(output))).collect()
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new(&self.binary)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("TF_CLI_CONFIG_FILE", folder.join("cli.tfrc"))
            // Terraform asks for newer versions of itself otherwise.
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "terraform {}:\n{words}{errors}", arguments.join(" "));
        words.into_owned()
    }
}

/// A snippet, read without Terraform.
struct Hcl {
    /// The documents by name.
    locals: BTreeMap<String, Value>,
    /// The members of each resource by its type. A reference is kept as its text.
    resources: BTreeMap<String, Value>,
}

impl Hcl {
    #[track_caller]
    fn read(snippet: &str) -> Self {
        let mut reader = HclReader { rest: snippet };
        reader.expect("locals");
        let Value::Object(locals) = reader.expression() else { panic!("locals have members") };
        let mut resources = BTreeMap::new();
        while reader.takes("resource") {
            let kind = reader.expression().as_str().unwrap().to_owned();
            assert_eq!(reader.expression(), "destination_s3");
            let members = reader.expression();
            resources.insert(kind, members);
        }
        assert_eq!(reader.rest.trim(), "");
        Self { locals: locals.into_iter().collect(), resources }
    }
}

/// Reads as much of HCL as a snippet may hold: one member per line, lists with commas, strings
/// without templates, `jsonencode`, references.
struct HclReader<'a> {
    rest: &'a str,
}

impl HclReader<'_> {
    fn takes(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    #[track_caller]
    fn expect(&mut self, token: &str) {
        assert!(
            self.takes(token),
            "expected {token} at: {}",
            self.rest.chars().take(60).collect::<String>()
        );
    }

    fn expression(&mut self) -> Value {
        if self.takes("jsonencode(") {
            let value = self.expression();
            self.expect(")");
            return value;
        }
        if self.takes("{") {
            let mut members = Map::new();
            while !self.takes("}") {
                let Value::String(name) = self.expression() else { panic!("a name is a string") };
                self.expect("=");
                let value = self.expression();
                assert!(self.rest.starts_with('\n'), "{name} does not end its line");
                assert_eq!(members.insert(name, value), None);
            }
            return Value::Object(members);
        }
        if self.takes("[") {
            let mut entries = Vec::new();
            while !self.takes("]") {
                entries.push(self.expression());
                if !self.takes(",") {
                    self.expect("]");
                    break;
                }
            }
            return Value::Array(entries);
        }
        if self.takes("\"") {
            return Value::String(self.text());
        }
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap();
        let (word, rest) = self.rest.split_at(end);
        assert!(!word.is_empty(), "nothing at: {}", rest.chars().take(60).collect::<String>());
        self.rest = rest;
        Value::String(word.to_owned())
    }

    /// Reads the rest of a string whose opening quote has been read.
    fn text(&mut self) -> String {
        let mut text = String::new();
        loop {
            let template = [("$${", "${"), ("%%{", "%{"), ("\\\"", "\""), ("\\\\", "\\")];
            if let Some((written, meant)) =
                template.into_iter().find(|(written, _)| self.rest.starts_with(written))
            {
                text.push_str(meant);
                self.rest = self.rest.strip_prefix(written).unwrap();
                continue;
            }
            assert!(
                !self.rest.starts_with("${")
                    && !self.rest.starts_with("%{")
                    && !self.rest.starts_with('\\'),
                "a template or an unknown escape"
            );
            let mut characters = self.rest.chars();
            let next = characters.next().expect("a string that ends");
            self.rest = characters.as_str();
            if next == '"' {
                return text;
            }
            text.push(next);
        }
    }
}
