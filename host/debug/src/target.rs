//! What a command is for: the effect or state that it names, or the only one that it can mean.

use stepwell_asl::Definition;
use stepwell_engine::{Effect, EffectId};

use crate::session::Session;
use crate::words;

/// What a command names is not there, or it could mean several things.
#[derive(Debug)]
pub(crate) struct Mistake(pub(crate) String);

/// An effect that a state waits for: the one that is named, or that of the only state that waits.
pub(crate) fn waiting(session: &Session, id: Option<EffectId>) -> Result<EffectId, Mistake> {
    if let Some(id) = id {
        return session.effect(id).map(|_| id).ok_or_else(|| not_open(session, id));
    }
    let views = session.views();
    let waiting = views.iter().filter_map(|view| {
        let id = view.effects.first()?;
        Some((*id, format!("#{} {}", id.0, view.path)))
    });
    one_of(&waiting.collect::<Vec<_>>(), "input")
}

/// A call or token that somebody may answer, and whether it is a token.
pub(crate) fn answerable(
    session: &Session,
    command: &str,
    id: Option<EffectId>,
) -> Result<(EffectId, bool), Mistake> {
    let is_token = |effect: &Effect| match effect {
        Effect::Invoke(_) => Some(false),
        Effect::OpenToken(_) => Some(true),
        _ => None,
    };
    let open = session.open().filter(|(_, _, effect)| is_token(effect).is_some());
    let open = open.map(|(id, _, effect)| (id, words::subject(effect)));
    let id = id.map_or_else(|| one_of(&open.collect::<Vec<_>>(), command), Ok)?;
    let (_, effect) = session.effect(id).ok_or_else(|| not_open(session, id))?;
    is_token(effect).map(|is_token| (id, is_token)).ok_or_else(|| {
        Mistake(format!("#{0} is a time, which has no result; `step #{0}` lets it come", id.0))
    })
}

/// A token that is open.
pub(crate) fn token(session: &Session, id: Option<EffectId>) -> Result<EffectId, Mistake> {
    let open = session.open();
    let open = open.filter(|(_, _, effect)| matches!(effect, Effect::OpenToken(_)));
    let open: Vec<_> = open.map(|(id, _, effect)| (id, words::subject(effect))).collect();
    match id {
        None => one_of(&open, "heartbeat"),
        Some(id) if open.iter().any(|(open, _)| *open == id) => Ok(id),
        Some(id) if session.effect(id).is_none() => Err(not_open(session, id)),
        Some(id) => Err(Mistake(format!("#{} is no token", id.0))),
    }
}

/// Nothing waits for this effect here.
pub(crate) fn not_open(session: &Session, id: EffectId) -> Mistake {
    let open: Vec<_> = session.open().map(|(id, _, _)| format!("#{}", id.0)).collect();
    Mistake(match open.as_slice() {
        [] => format!("#{} is not waited for here, and nothing else is", id.0),
        open => {
            let open = words::cut(&open.join(", "));
            format!("#{} is not waited for here; what is: {open}", id.0)
        }
    })
}

/// A state of the definition, wherever it stands.
pub(crate) fn state(definition: &Definition, name: &str) -> Result<(), Mistake> {
    let states = || definition.states().map(|state| state.name.as_str());
    if states().any(|state| state == name) {
        return Ok(());
    }
    if let Some(similar) = states().find(|state| state.eq_ignore_ascii_case(name)) {
        return Err(Mistake(format!("no state is called `{name}`; did you mean `{similar}`?")));
    }
    let names: Vec<_> = states().map(|state| format!("`{state}`")).collect();
    let names = words::cut(&names.join(", "));
    Err(Mistake(format!("no state is called `{name}`; there are {names}")))
}

/// The only one there is.
fn one_of(open: &[(EffectId, String)], command: &str) -> Result<EffectId, Mistake> {
    match open {
        [(id, _)] => Ok(*id),
        [] => Err(Mistake(format!(
            "nothing that `{command}` could be for is waited for here; `at` says what is"
        ))),
        [(first, _), ..] => {
            let names: Vec<_> = open.iter().map(|(_, name)| name.as_str()).collect();
            Err(Mistake(format!(
                "say which, as in `{command} #{} ...`: {}",
                first.0,
                words::cut(&names.join(", "))
            )))
        }
    }
}
