//! Classifier files that must be signed. The fixtures were signed with minisign 0.11; the secret keys were thrown away.
#![cfg(feature = "signature")]

use std::fs;
use std::path::Path;

use crate::common::fixture;
use transfer::classifier::RequiredKey;
use transfer::{Classifier, Error};

fn key() -> RequiredKey {
    RequiredKey::open(fixture("minisign.pub")).unwrap()
}

fn refused(path: &Path, key: &RequiredKey) -> String {
    Classifier::load_signed(path, key).unwrap_err().to_string()
}

#[test]
fn a_signed_file_is_taken_and_no_other() {
    let signed = fixture("classifier_v2.safetensors");
    let classifier = Classifier::load_signed(&signed, &key()).unwrap();
    assert_eq!(classifier.classes(), ["a", "b", "c"]);
    let text = fs::read_to_string(fixture("minisign.pub")).unwrap();
    let base64 = text.lines().nth(1).unwrap();
    let same = RequiredKey::from_base64(base64).unwrap();
    Classifier::load_signed(&signed, &same).unwrap();

    // Another key, a file without a signature, another file under the same signature.
    let other = RequiredKey::open(fixture("other.pub")).unwrap();
    assert!(refused(&signed, &other).contains("by the required key"));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.safetensors");
    fs::copy(&signed, &copy).unwrap();
    assert!(refused(&copy, &key()).contains("not signed: "));
    let signature = folder.path().join("copy.safetensors.minisig");
    fs::copy(fixture("classifier_v2.safetensors.minisig"), &signature).unwrap();
    Classifier::load_signed(&copy, &key()).unwrap();
    // What has a right seal of its own is still not what was signed.
    Classifier::load(fixture("classifier_v1.safetensors")).unwrap();
    fs::copy(fixture("classifier_v1.safetensors"), &copy).unwrap();
    assert!(refused(&copy, &key()).contains("by the required key"));
    fs::write(&signature, "not a signature").unwrap();
    assert!(refused(&copy, &key()).contains("not a signature of minisign"));
}

#[test]
fn what_is_no_key_is_refused() {
    let error = RequiredKey::from_base64("no key").unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    let error = RequiredKey::open(fixture("logistic.py")).unwrap_err();
    assert!(error.to_string().contains("not a public key"), "{error}");
}
