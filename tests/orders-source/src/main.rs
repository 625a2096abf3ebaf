//! `orders-source`: serves orders until it is killed. The first line of its standard output is the URL.

use std::{io, thread, time::Duration};

use clap::Parser;
use orders_source::{Failure, OrdersSource, Settings};

/// Serves a paginated list of orders on 127.0.0.1 until it is killed, and prints its URL.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many orders there are
    #[arg(long, default_value_t = Settings::default().rows)]
    rows: u64,
    /// Milliseconds to wait before each answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How and when to fail, such as `status:500@first:2`, `half-body@every:10`, `not-json@always`,
    /// `hang@offset:50`, `drop@first:1`; may be given several times
    #[arg(long, value_name = "FAULT@WHEN")]
    fail: Vec<Failure>,
}

#[expect(clippy::print_stdout, reason = "a program with one line of output")]
fn main() -> io::Result<()> {
    let Arguments { rows, delay, port, fail: failures } = Arguments::parse();
    let delay = Duration::from_millis(delay);
    let source = OrdersSource::start(Settings { rows, delay, failures, port })?;
    println!("{}", source.url());
    loop {
        thread::park();
    }
}
