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
