//! What commands do to a session, and what is said about it.

use std::fmt::{self, Write};

use jiff::Timestamp;
use stepwell_engine::{EffectId, Event, Failure, IllegalEvent};
use stepwell_query::Document;

use crate::command::{Command, HELP, Place, Until, parse};
use crate::next::Next;
use crate::session::{Session, Taken};
use crate::world::World;
use crate::{show, target, words};

/// After so many events `run` stops by itself: a machine that never ends must not keep a person waiting.
const RUN_EVENTS_MAX: usize = 100_000;

/// A session that takes commands.
#[derive(Debug)]
pub struct Debugger<W> {
    session: Session,
    world: W,
}

/// Whether there are more commands to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// There are.
    GoOn,
    /// The session is to end.
    Quit,
}

/// Why a command was not carried out. `Display` says what is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be read, or not be done here.
    #[error("{0}")]
    Mistake(String),
    /// The world could not perform a call.
    #[error("the call could not be performed: {0}")]
    World(String),
    /// The engine refuses the event that it leads to.
    #[error(transparent)]
    Engine(#[from] IllegalEvent),
    /// The text could not be written.
    #[error("the output could not be written")]
    Output(#[from] fmt::Error),
}

impl From<target::Mistake> for CommandError {
    fn from(target::Mistake(text): target::Mistake) -> Self {
        Self::Mistake(text)
    }
}

/// A command of a script that was not carried out. Those after it were not tried.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct ScriptError {
    /// The line of the script, from 1.
    pub line: usize,
    /// Why.
    pub error: CommandError,
}

impl<W: World> Debugger<W> {
    /// A debugger of a session, which may stand anywhere.
    pub fn new(session: Session, world: W) -> Self {
        Self { session, world }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The world that answers calls.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// Carries out all commands of a script, each repeated after `> ` before what it says, to the first
    /// one that fails.
    pub fn script(&mut self, script: &str, out: &mut dyn Write) -> Result<Flow, ScriptError> {
        for (index, line) in script.lines().enumerate() {
            let at_line = |error| ScriptError { line: index + 1, error };
            let told = match line.trim() {
                "" => Ok(()),
                line if line.starts_with('#') => writeln!(out, "{line}"),
                line => writeln!(out, "> {line}"),
            };
            told.map_err(|error| at_line(error.into()))?;
            if self.command(line, out).map_err(at_line)? == Flow::Quit {
                return Ok(Flow::Quit);
            }
        }
        Ok(Flow::GoOn)
    }

    /// Carries out one command. After an error the session stands where the command came to.
    pub fn command(&mut self, line: &str, out: &mut dyn Write) -> Result<Flow, CommandError> {
        let Some(command) = parse(line).map_err(CommandError::Mistake)? else {
            return Ok(Flow::GoOn);
        };
        match command {
            Command::Step(count) => self.step(count, out)?,
            Command::StepEffect(id) => self.step_effect(id, out)?,
            Command::Back(count) => {
                let position = self.session.position();
                if position == 0 {
                    return Err(mistake("this is the beginning"));
                }
                self.session.go_to(position.saturating_sub(count));
                show::at(out, &self.session)?;
            }
            Command::Run(until) => self.run(&until, out)?,
            Command::GoTo(place) => self.go_to(place, out)?,
            Command::At => show::at(out, &self.session)?,
            Command::Show(topic) => show::topic(out, &self.session, topic)?,
            Command::Input(id, json) => {
                let input = self.document(json)?;
                let id = target::waiting(&self.session, id)?;
                self.take_now(Event::InputReplaced { id, input }, out)?;
            }
            Command::Result(id, json) => {
                let output = self.document(json)?;
                let event = match target::answerable(&self.session, "result", id)? {
                    (id, true) => Event::TaskSucceeded { id, output },
                    (id, false) => Event::FunctionSucceeded { id, output },
                };
                self.take_now(event, out)?;
            }
            Command::Fail(id, error, cause) => {
                let failure = Failure::from_parts(Some(error), cause);
                let event = match target::answerable(&self.session, "fail", id)? {
                    (id, true) => Event::TaskFailed { id, failure },
                    (id, false) => Event::FunctionFailed { id, failure },
                };
                self.take_now(event, out)?;
            }
            Command::Heartbeat(id) => {
                let id = target::token(&self.session, id)?;
                self.take_now(Event::TaskHeartbeat { id }, out)?;
            }
            Command::Timeout(id) => self.time_out(id, out)?,
            Command::Timelines => show::timelines(out, &self.session)?,
            Command::Timeline(number) => {
                if !self.session.switch(number) {
                    return Err(mistake("there is no such timeline; `timelines` lists them"));
                }
                show::at(out, &self.session)?;
            }
            Command::Help => out.write_str(HELP)?,
            Command::Quit => return Ok(Flow::Quit),
        }
        Ok(Flow::GoOn)
    }

    /// The next events, as many as there are.
    fn step(&mut self, count: usize, out: &mut dyn Write) -> Result<(), CommandError> {
        for done in 0..count {
            if let Some(why) = self.stuck() {
                if done == 0 {
                    return Err(CommandError::Mistake(why));
                }
                writeln!(out, "stopped after {done} of {count} events: {why}")?;
                return Ok(());
            }
            self.advance()?;
            show::moment(out, &self.session)?;
        }
        Ok(())
    }

    fn step_effect(&mut self, id: EffectId, out: &mut dyn Write) -> Result<(), CommandError> {
        let known = self.session.coming().and_then(|it| it.event.effect());
        if known == Some(id) {
            self.session.forward();
            return Ok(show::moment(out, &self.session)?);
        }
        let taken = self.answer(id)?;
        self.tell(taken, out)
    }

    /// Goes on until something happens, and tells of the event that it happened in.
    fn run(&mut self, until: &Until, out: &mut dyn Write) -> Result<(), CommandError> {
        if let Until::State(name) = until {
            target::state(self.session.definition(), name)?;
        }
        let mut passed = 0;
        while self.stuck().is_none() && passed < RUN_EVENTS_MAX {
            if let Err(error) = self.advance() {
                self.tell_passed(passed, out)?;
                return Err(error);
            }
            passed += 1;
            let reached = self.session.last().is_some_and(|moment| match until {
                Until::State(name) => moment.enters(name),
                Until::Failure => moment.is_failure(),
                Until::End => false,
            });
            if reached {
                return self.tell_passed(passed, out);
            }
        }
        self.tell_passed(passed, out)?;
        let why = self.stuck();
        match (until, why) {
            (_, None) => Err(CommandError::Mistake(format!(
                "stopped after {RUN_EVENTS_MAX} events, which may never end; `run` goes on"
            ))),
            (Until::State(name), Some(why)) => {
                Err(CommandError::Mistake(format!("{name} was not entered: {why}")))
            }
            (Until::Failure, Some(why)) => {
                Err(CommandError::Mistake(format!("nothing failed: {why}")))
            }
            (Until::End, Some(_)) if passed > 0 && self.has_ended() => Ok(()),
            (Until::End, Some(why)) if self.has_ended() => Ok(writeln!(out, "{why}")?),
            (Until::End, Some(why)) => Err(CommandError::Mistake(why)),
        }
    }

    fn tell_passed(&self, passed: usize, out: &mut dyn Write) -> Result<(), CommandError> {
        if passed > 1 {
            writeln!(out, "{} passed", words::count(passed - 1, "event"))?;
        }
        if passed > 0 {
            show::moment(out, &self.session)?;
        }
        Ok(())
    }

    fn go_to(&mut self, place: Place, out: &mut dyn Write) -> Result<(), CommandError> {
        let position = match place {
            Place::Start => 0,
            Place::End => self.session.events(),
            Place::Event(position) => position,
        };
        if !self.session.go_to(position) {
            let events = words::count(self.session.events(), "event");
            return Err(CommandError::Mistake(format!(
                "this timeline has {events} so far; `run` goes on from its end"
            )));
        }
        Ok(show::at(out, &self.session)?)
    }

    /// Lets the time come after which what is asked for has taken too long.
    fn time_out(&mut self, id: Option<EffectId>, out: &mut dyn Write) -> Result<(), CommandError> {
        let session = &self.session;
        let timer = match id {
            None => {
                let timeouts = session.timers().filter(|timer| timer.is_timeout);
                timeouts.min_by_key(|timer| (timer.at, timer.id))
            }
            Some(id) if session.effect(id).is_none() => {
                return Err(target::not_open(session, id).into());
            }
            Some(id) => {
                let itself = session.timers().find(|timer| timer.is_timeout && timer.id == id);
                itself.or_else(|| session.timeout_of(id))
            }
        };
        let Some(timer) = timer else {
            return Err(mistake("nothing here can take too long: no `TimeoutSeconds` runs"));
        };
        let taken = self.answer(timer.id)?;
        self.tell(taken, out)
    }

    /// Why nothing can happen by itself, if so.
    fn stuck(&self) -> Option<String> {
        match self.session.next() {
            Next::Nothing => Some("the execution has ended; `back` goes back".to_owned()),
            Next::Outside => Some(format!("it waits: {}", show::choices(&self.session))),
            _ => None,
        }
    }

    fn has_ended(&self) -> bool {
        self.session.execution().outcome().is_some()
    }

    /// The next event, where there is one.
    fn advance(&mut self) -> Result<Taken, CommandError> {
        match self.session.next() {
            Next::Known => {
                self.session.forward();
                Ok(Taken::Known)
            }
            Next::Begin => self.take(self.session.start().at, Event::Started),
            Next::Resume => self.take(self.session.now(), Event::Resumed),
            Next::Call(id) | Next::Timer(id) => self.answer(id),
            Next::Outside | Next::Nothing => unreachable!("whoever advances is not stuck"),
        }
    }

    /// Lets the world or time answer an effect.
    fn answer(&mut self, id: EffectId) -> Result<Taken, CommandError> {
        match self.session.answer(id, &mut self.world) {
            Some(Ok((at, event))) => self.take(at, event),
            Some(Err(error)) => Err(CommandError::World(error)),
            None if self.session.effect(id).is_some() => Err(CommandError::Mistake(format!(
                "#{0} is answered from outside: say `succeed #{0} JSON` or `fail #{0} ERROR`",
                id.0
            ))),
            None => Err(target::not_open(&self.session, id).into()),
        }
    }

    fn take(&mut self, at: Timestamp, event: Event) -> Result<Taken, CommandError> {
        Ok(self.session.take(at, event)?)
    }

    fn take_now(&mut self, event: Event, out: &mut dyn Write) -> Result<(), CommandError> {
        let taken = self.take(self.session.now(), event)?;
        self.tell(taken, out)
    }

    /// Tells where an event led that somebody chose.
    fn tell(&self, taken: Taken, out: &mut dyn Write) -> Result<(), CommandError> {
        match taken {
            Taken::Known | Taken::Added => {}
            Taken::Switched { timeline } => writeln!(out, "this is timeline {timeline}")?,
            Taken::Parted { timeline } => writeln!(out, "a new timeline: {timeline}")?,
        }
        Ok(show::moment(out, &self.session)?)
    }

    /// The JSON of a command, or of the file that it names.
    fn document(&mut self, json: &str) -> Result<Document, CommandError> {
        let text = match json.strip_prefix('@') {
            Some(file) => self.world.read(file).map_err(CommandError::Mistake)?,
            None => json.to_owned(),
        };
        Document::parse(text.trim()).map_err(|error| {
            let shown = words::cut(json);
            CommandError::Mistake(format!(
                "`{shown}` is not JSON: {error}; a text stands in double quotes"
            ))
        })
    }
}

fn mistake(text: &str) -> CommandError {
    CommandError::Mistake(text.to_owned())
}
