//! Mermaid flowcharts, as text.

use stepwell_graph::mermaid;

use crate::{CAUGHT, LOOP, NESTED, WEIRD, graph, path};

#[test]
fn a_loop_with_a_choice() {
    insta::assert_snapshot!(mermaid(&graph(LOOP), None));
}

#[test]
fn retries_and_catchers() {
    insta::assert_snapshot!(mermaid(&graph(CAUGHT), None));
}

#[test]
fn machines_within_machines_and_a_state_out_of_reach() {
    insta::assert_snapshot!(mermaid(&graph(NESTED), None));
}

#[test]
fn names_are_nothing_but_names() {
    insta::assert_snapshot!(mermaid(&graph(WEIRD), None));
}

#[test]
fn a_path_round_a_loop() {
    let graph = graph(LOOP);
    let path = path(&graph, ROUNDS);
    insta::assert_snapshot!(mermaid(&graph, Some(&path)));
}

#[test]
fn a_path_into_boxes() {
    let graph = graph(NESTED);
    let path = path(&graph, STOPPED);
    insta::assert_snapshot!(mermaid(&graph, Some(&path)));
}

/// Stopped while the first item of the Map is at work.
const STOPPED: &str = "
1<0 ExecutionStarted
2<0 ParallelStateEntered Both
3<2 ParallelStateStarted
4<3 MapStateEntered Each
5<3 WaitStateEntered C
6<4 MapStateStarted
7<6 MapIterationStarted Each
8<7 ParallelStateEntered Inner
9<8 ParallelStateStarted
10<9 TaskStateEntered A
11<9 PassStateEntered B
12<11 PassStateExited B
13<10 LambdaFunctionScheduled
14<0 ExecutionAborted";

pub(crate) const ROUNDS: &str = "
1<0 ExecutionStarted
2<0 TaskStateEntered Round
3<2 LambdaFunctionScheduled
4<3 LambdaFunctionStarted
5<4 LambdaFunctionSucceeded
6<5 TaskStateExited Round
7<6 ChoiceStateEntered Again
8<7 ChoiceStateExited Again
9<8 TaskStateEntered Round
10<9 LambdaFunctionScheduled
11<10 LambdaFunctionStarted
12<11 LambdaFunctionFailed
13<12 LambdaFunctionScheduled
14<13 LambdaFunctionStarted
15<14 LambdaFunctionSucceeded
16<15 TaskStateExited Round
17<16 ChoiceStateEntered Again
18<17 ChoiceStateExited Again
19<18 FailStateEntered Stop
20<19 ExecutionFailed";
