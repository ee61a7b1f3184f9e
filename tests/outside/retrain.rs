use transfer::retrain::Retrain;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::temp_dir().join("outside");
    dataset::sample::write(root.join("photos"), 30, 1)?;
    let job = Retrain::new(root.join("photos")).run()?;
    println!("{job}");
    job.save(root.join("classifier.safetensors"))?;
    Ok(())
}
