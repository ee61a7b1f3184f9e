fn main() -> Result<(), transfer::Error> {
    let root = std::env::temp_dir().join("outside");
    let classifier = transfer::Classifier::load(root.join("classifier.safetensors"))?;
    println!("{:?}", classifier.classify(root.join("photos/boat/boat_00000.jpg"))?);
    Ok(())
}
