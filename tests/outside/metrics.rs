use metrics::Predictions;

fn main() -> Result<(), metrics::Error> {
    let rows = vec![vec![0.9, 0.1], vec![0.4, 0.6], vec![0.2, 0.8]];
    let predictions = Predictions::new(vec![0, 0, 1], rows)?;
    println!("{}", predictions.summary());
    Ok(())
}
