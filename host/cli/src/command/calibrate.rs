//! `stepwell calibrate`: how fast this machine is beside the reference.

use serde_json::json;
use stepwell_lambda::FUEL_PER_VCPU_SECOND;
use stepwell_sandbox::{Calibration, Sandbox, SandboxSettings};

use crate::args::CalibrateArgs;
use crate::error::CommandError;
use crate::output::Output;

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn run(args: &CalibrateArgs, output: &mut Output) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::environment(format!("cannot start threads: {error}")))?;
    let sandbox = Sandbox::new(SandboxSettings::default());
    let sandbox = sandbox.map_err(|error| CommandError::environment(error.to_string()))?;
    let calibration = runtime.block_on(sandbox.calibrate(args.runs));
    let Calibration { fuel, median, fastest, slowest, .. } = &calibration;
    let rate = calibration.fuel_per_second();
    let times = rate as f64 / FUEL_PER_VCPU_SECOND as f64;
    if args.json {
        return output.data(
            &json!({
                "fuelPerSecond": rate,
                "referenceFuelPerSecond": FUEL_PER_VCPU_SECOND,
                "timesTheReference": times,
                "kernelFuel": fuel,
                "runs": args.runs,
                "medianMs": median.as_secs_f64() * 1e3,
                "fastestMs": fastest.as_secs_f64() * 1e3,
                "slowestMs": slowest.as_secs_f64() * 1e3,
                "engine": calibration.engine,
            })
            .to_string(),
        );
    }
    let spread = (slowest.as_secs_f64() - fastest.as_secs_f64()) / median.as_secs_f64() * 100.0;
    output.data(&format!(
        "This machine burns {:.2} billion units of fuel a second on one core ({}, {} runs of {:.0} \
         million units, median {:.1} ms, spread {spread:.0} %).\n\
         The reference burns {:.2} billion: a unit is an instruction of WebAssembly, and one vCPU of \
         Lambda (1,769 MB) counts as {FUEL_PER_VCPU_SECOND} units a second, everywhere.\n\
         So a second of a function's CPU time on Lambda, as it is simulated, takes about {:.2} s here at \
         1,769 MB, and {:.3} s at 128 MB, which has 7.2 % of a vCPU.\n\
         Verdicts, durations and costs are counted in fuel and do not change with the machine; this \
         figure only says how fast it works. Lambda itself may differ by a third and more: fuel knows \
         instructions, not caches.",
        rate as f64 / 1e9,
        calibration.engine,
        args.runs,
        *fuel as f64 / 1e6,
        median.as_secs_f64() * 1e3,
        FUEL_PER_VCPU_SECOND as f64 / 1e9,
        1.0 / times,
        128.0 / 1_769.0 / times,
    ))
}
