//! A fuzzer's bytes as a program for the interpreter: calls of the host whose arguments mostly make sense.
//!
//! Bytes choose functions and arguments by their WIT types. Handles come from what earlier calls gave; now
//! and then one is any number, and so is a pointer or a length, because a guest may pass those as well.

use arbitrary::{Result, Unstructured};
use wit_parser::abi::{FlatTypes, WasmType};
use wit_parser::{Case, Handle, Int, Type, TypeDefKind, TypeId};

use crate::SAY;
use crate::interface::{Call, CallKind, Interface};
use crate::interpreter::{
    CALL, COPY, DATA, FIRST, PROGRAM, PROGRAM_BYTES_MAX, REGISTERS, REPEAT, RESULT, RETURNED,
    STORE, WORDS,
};

/// Texts that mean something to the host. The bucket `bucket` is granted below `in/` and, for reading, the
/// object `read`; `other` is there and not granted.
pub const TEXTS: &[&str] = &[
    "",
    "bucket",
    "other",
    "in/",
    "in/a",
    "in/b/c",
    "read",
    "..",
    ".",
    "/",
    "/etc/passwd",
    "../../etc",
    "in/../../other/secret",
    "in/%2e%2e/x",
    "tmp",
    "/tmp",
    "a",
    "b/c",
    "127.0.0.1:1",
    "localhost",
    "[::1]:80",
    "example.com",
    "169.254.169.254",
    "user@localhost",
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "x-a",
    "chunked",
    "0",
    "18446744073709551616",
    "text/plain",
    "/path?query#fragment",
    "//localhost",
    "ftp",
    "PUT",
    "\u{1b}[2J",
    "\n",
    "\0",
    "\u{10ffff}",
    "null",
];

const CALLS_MAX: usize = 64;
/// Handles of one resource that a program can tell apart.
const SLOTS: usize = 2;
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    1_024,
    4_096,
    4_097,
    65_536,
    1 << 20,
    i32::MAX as u64,
    u32::MAX as u64,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// The event for the interpreter.
pub fn event(interface: &Interface, bytes: &[u8]) -> String {
    let program = program(interface, bytes);
    let letter = |nibble: u8| char::from(b'a' + nibble);
    program.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect()
}

fn program(interface: &Interface, bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer {
        interface,
        input: Unstructured::new(bytes),
        code: Vec::new(),
        starts: Vec::new(),
        data: DATA,
        live: vec![[false; SLOTS]; interface.resources.len()],
    };
    while !writer.input.is_empty() && writer.starts.len() < CALLS_MAX {
        let before = writer.code.len();
        writer.starts.push(before);
        if writer.step().is_err() || writer.code.len() > PROGRAM_BYTES_MAX {
            writer.code.truncate(before);
            break;
        }
    }
    writer.code
}

#[derive(Debug)]
enum Argument {
    Number(u64),
    /// The i32 at an address.
    At(u32),
}

struct Writer<'i, 'b> {
    interface: &'i Interface,
    input: Unstructured<'b>,
    code: Vec<u8>,
    /// Where instructions begin that can be repeated.
    starts: Vec<usize>,
    /// The next free byte for what calls point to.
    data: u32,
    /// Which registers have handles, if all calls before succeeded.
    live: Vec<[bool; SLOTS]>,
}

impl Writer<'_, '_> {
    fn step(&mut self) -> Result<()> {
        if self.input.ratio(1, 24)? {
            return self.repeat();
        }
        let index = self.input.choose_index(self.interface.calls.len())?;
        let call = &self.interface.calls[index];
        let is_wild = self.input.ratio(1, 48)?;
        if !is_wild && !self.has_handles(call) && self.input.ratio(31, 32)? {
            return Ok(());
        }
        let mut arguments = Vec::new();
        match &call.kind {
            _ if is_wild => {}
            CallKind::Drop(resource) => arguments.push(self.handle(*resource, true)?),
            CallKind::Function(function) if !call.signature.indirect_params => {
                for param in &function.params {
                    self.argument(&param.ty, &mut arguments)?;
                }
            }
            CallKind::Function(_) => {}
        }
        let returned = u64::from(if is_wild { self.input.arbitrary()? } else { RETURNED });
        while arguments.len() < call.signature.params.len() {
            let is_last = arguments.len() + 1 == call.signature.params.len();
            let number = if call.signature.retptr && is_last { returned } else { self.number()? };
            arguments.push(Argument::Number(number));
        }
        if *SAY {
            eprintln!("{} {} {arguments:?}", call.module, call.name);
        }
        self.code.push(CALL);
        self.code.extend(u16::try_from(index).expect("there are few calls").to_le_bytes());
        self.code.push(u8::try_from(arguments.len()).expect("calls have few arguments"));
        for argument in arguments {
            self.write_argument(&argument);
        }
        if let CallKind::Function(function) = &call.kind
            && let Some(result) = &function.result
        {
            let from = if call.signature.retptr { RETURNED } else { RESULT };
            self.keep(result, from, (REGISTERS - 1, 0))?;
        }
        Ok(())
    }

    fn repeat(&mut self) -> Result<()> {
        let start = *self.input.choose(&self.starts)?;
        let count = match self.input.ratio(1, 8)? {
            true => self.input.arbitrary::<u16>()?,
            false => self.input.arbitrary::<u8>()?.into(),
        };
        if *SAY {
            eprintln!(
                "{count} times more from instruction {}",
                self.starts.iter().position(|at| *at == start).unwrap_or(0)
            );
        }
        self.code.push(REPEAT);
        self.code.extend(u16::try_from(start).expect("programs are short").to_le_bytes());
        self.code.extend(count.to_le_bytes());
        Ok(())
    }

    /// Whether there was a call that gives what this one takes first.
    fn has_handles(&self, call: &Call) -> bool {
        let lives = |resource| self.live[self.interface.resource(resource)].contains(&true);
        match &call.kind {
            CallKind::Drop(resource) => lives(*resource),
            CallKind::Function(function) => function.params.iter().all(|param| match param.ty {
                Type::Id(id) => match self.interface.resolve.types[id].kind {
                    TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) => lives(of),
                    _ => true,
                },
                _ => true,
            }),
        }
    }

    fn write_argument(&mut self, argument: &Argument) {
        match argument {
            Argument::Number(number) => match u8::try_from(*number) {
                Ok(small) => self.code.extend([0, small]),
                Err(_) => {
                    self.code.push(1);
                    self.code.extend(number.to_le_bytes());
                }
            },
            Argument::At(address) => {
                self.code.push(2);
                self.code.extend(address.to_le_bytes());
            }
        }
    }

    /// The core values of a parameter.
    fn argument(&mut self, of: &Type, arguments: &mut Vec<Argument>) -> Result<()> {
        if self.input.ratio(1, 64)? {
            for _ in 0..self.flat_len(of) {
                let number = self.number()?;
                arguments.push(Argument::Number(number));
            }
            return Ok(());
        }
        match of {
            Type::String => {
                let (address, length) = self.text()?;
                arguments.extend([Argument::Number(address), Argument::Number(length)]);
            }
            Type::Id(id) => self.compound(*id, arguments)?,
            _ => {
                let number = self.scalar(of)?;
                arguments.push(Argument::Number(number));
            }
        }
        Ok(())
    }

    fn compound(&mut self, id: TypeId, arguments: &mut Vec<Argument>) -> Result<()> {
        let interface = self.interface;
        match &interface.resolve.types[id].kind {
            TypeDefKind::Type(of) => self.argument(of, arguments)?,
            TypeDefKind::Handle(Handle::Own(of)) => arguments.push(self.handle(*of, true)?),
            TypeDefKind::Handle(Handle::Borrow(of)) => arguments.push(self.handle(*of, false)?),
            TypeDefKind::Record(record) => {
                for field in &record.fields {
                    self.argument(&field.ty, arguments)?;
                }
            }
            TypeDefKind::Tuple(tuple) => {
                for of in &tuple.types {
                    self.argument(of, arguments)?;
                }
            }
            TypeDefKind::Flags(flags) => {
                let all = (1u64 << flags.flags.len().min(32)) - 1;
                let number = self.input.arbitrary::<u64>()?;
                // Bits that no flag has must not disturb the host.
                let mask = if self.input.ratio(1, 8)? { u64::MAX } else { all };
                arguments.push(Argument::Number(number & mask & u64::from(u32::MAX)));
            }
            TypeDefKind::List(of) => {
                let (address, length) = self.list(of)?;
                arguments.extend([Argument::Number(address), Argument::Number(length)]);
            }
            _ => {
                let end = arguments.len() + self.flat_len(&Type::Id(id));
                let (case, payload) = self.case(id)?;
                arguments.push(Argument::Number(case));
                if let Some(payload) = payload {
                    self.argument(&payload, arguments)?;
                }
                while arguments.len() < end {
                    arguments.push(Argument::Number(0));
                }
            }
        }
        Ok(())
    }

    /// A case of a variant, an enumeration, an option or a result, with the type of what it holds.
    fn case(&mut self, id: TypeId) -> Result<(u64, Option<Type>)> {
        let payloads = self.cases(id);
        let index = self.input.choose_index(payloads.len())?;
        Ok((index as u64, payloads[index]))
    }

    fn cases(&self, id: TypeId) -> Vec<Option<Type>> {
        match &self.interface.resolve.types[id].kind {
            TypeDefKind::Variant(of) => of.cases.iter().map(|Case { ty, .. }| *ty).collect(),
            TypeDefKind::Enum(of) => vec![None; of.cases.len()],
            TypeDefKind::Option(of) => vec![None, Some(*of)],
            TypeDefKind::Result(of) => vec![of.ok, of.err],
            other => panic!("{} is not expected in an interface of the host", other.as_str()),
        }
    }

    fn scalar(&mut self, of: &Type) -> Result<u64> {
        match of {
            Type::Bool => Ok(self.input.arbitrary::<bool>()?.into()),
            Type::U8 | Type::S8 => Ok(self.input.arbitrary::<u8>()?.into()),
            Type::Char => Ok(u32::from(self.input.arbitrary::<char>()?).into()),
            _ => self.number(),
        }
    }

    fn number(&mut self) -> Result<u64> {
        match self.input.int_in_range(0..=3)? {
            0 => Ok(*self.input.choose(&NUMBERS)?),
            1 => self.input.arbitrary(),
            _ => Ok(self.input.arbitrary::<u8>()?.into()),
        }
    }

    /// A handle of a resource, perhaps one that is gone or none.
    fn handle(&mut self, resource: TypeId, is_given: bool) -> Result<Argument> {
        if self.input.ratio(1, 64)? {
            return Ok(Argument::Number(self.number()?));
        }
        let resource = self.interface.resource(resource);
        let mut slot = self.input.choose_index(SLOTS)?;
        if !self.live[resource][slot] && self.input.ratio(31, 32)? {
            slot = SLOTS - 1 - slot;
        }
        if is_given {
            self.live[resource][slot] = false;
        }
        Ok(Argument::At(register(resource, slot)))
    }

    /// A text or some bytes: their address and length.
    fn text(&mut self) -> Result<(u64, u64)> {
        if self.input.ratio(3, 4)? {
            let index = self.input.choose_index(TEXTS.len())?;
            let before: usize = TEXTS[..index].iter().map(|text| text.len()).sum();
            return Ok((u64::from(WORDS) + before as u64, TEXTS[index].len() as u64));
        }
        if self.input.ratio(1, 8)? {
            // A long one: whatever lies there.
            let length = self.input.int_in_range(0..=u64::from(PROGRAM - DATA))?;
            return Ok((DATA.into(), length));
        }
        let length = self.input.int_in_range(0..=64)?;
        let length = length.min(self.input.len());
        let bytes = self.input.bytes(length)?.to_vec();
        let address = self.store(&bytes, 1);
        Ok((address.into(), length as u64))
    }

    fn list(&mut self, of: &Type) -> Result<(u64, u64)> {
        if matches!(of, Type::U8) {
            return self.text();
        }
        let sizes = &self.interface.sizes;
        let (size, align) = (sizes.size(of).size_wasm32(), sizes.align(of).align_wasm32());
        let length = self.input.int_in_range(0..=8)?;
        let address = self.store(&vec![0; size * length], align);
        for index in 0..length {
            self.memory(of, address + u32::try_from(index * size).expect("lists are short"))?;
        }
        Ok((address.into(), length as u64))
    }

    /// Writes a value where a list has it.
    fn memory(&mut self, of: &Type, at: u32) -> Result<()> {
        let interface = self.interface;
        let Type::Id(id) = of else {
            let bytes = if matches!(of, Type::String) {
                let (address, length) = self.text()?;
                (address | length << 32).to_le_bytes()
            } else {
                self.scalar(of)?.to_le_bytes()
            };
            let size = interface.sizes.size(of).size_wasm32();
            self.write_store(at, &bytes[..size]);
            return Ok(());
        };
        match &interface.resolve.types[*id].kind {
            TypeDefKind::Type(of) => self.memory(of, at),
            TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) => {
                match self.handle(*of, false)? {
                    Argument::At(register) => self.write_copy(at, register, (REGISTERS - 1, 0)),
                    Argument::Number(number) => self.write_store(at, &number.to_le_bytes()[..4]),
                }
                Ok(())
            }
            TypeDefKind::List(of) => {
                let (address, length) = self.list(of)?;
                self.write_store(at, &(address | length << 32).to_le_bytes());
                Ok(())
            }
            TypeDefKind::Record(of) => self.fields(of.fields.iter().map(|field| &field.ty), at),
            TypeDefKind::Tuple(of) => self.fields(of.types.iter(), at),
            TypeDefKind::Flags(_) => {
                let size = interface.sizes.size(of).size_wasm32();
                let bytes = self.input.arbitrary::<[u8; 8]>()?;
                self.write_store(at, &bytes[..size.min(8)]);
                Ok(())
            }
            _ => {
                let cases = self.cases(*id);
                let (case, payload) = self.case(*id)?;
                self.write_store(at, &case.to_le_bytes()[..1]);
                let Some(payload) = payload else { return Ok(()) };
                self.memory(&payload, at + self.payload_offset(&cases))
            }
        }
    }

    fn fields<'t>(&mut self, types: impl Iterator<Item = &'t Type>, at: u32) -> Result<()> {
        for (offset, of) in self.interface.sizes.field_offsets(types) {
            self.memory(of, at + offset_of(offset.size_wasm32()))?;
        }
        Ok(())
    }

    /// Keeps the handles of a result. The guard is a byte that tells whether the result has them.
    fn keep(&mut self, of: &Type, at: u32, guard: (u32, u8)) -> Result<()> {
        let interface = self.interface;
        let Type::Id(id) = of else { return Ok(()) };
        let fields: Vec<Type> = match &interface.resolve.types[*id].kind {
            TypeDefKind::Type(of) => return self.keep(of, at, guard),
            TypeDefKind::Handle(Handle::Own(of)) => {
                let register = self.take_register(*of)?;
                self.write_copy(register, at, guard);
                return Ok(());
            }
            TypeDefKind::Option(of) => {
                let offset = self.payload_offset(&[None, Some(*of)]);
                return self.keep(of, at + offset, (at, 1));
            }
            TypeDefKind::Result(of) => {
                let Some(ok) = &of.ok else { return Ok(()) };
                let offset = self.payload_offset(&[of.ok, of.err]);
                return self.keep(ok, at + offset, (at, 0));
            }
            TypeDefKind::List(of) => return self.keep_first(of, at),
            TypeDefKind::Record(of) => of.fields.iter().map(|field| field.ty).collect(),
            TypeDefKind::Tuple(of) => of.types.clone(),
            _ => return Ok(()),
        };
        for (offset, of) in interface.sizes.field_offsets(&fields) {
            self.keep(of, at + offset_of(offset.size_wasm32()), guard)?;
        }
        Ok(())
    }

    /// Keeps the handle that a list begins with, as the list of folders does.
    fn keep_first(&mut self, of: &Type, at: u32) -> Result<()> {
        let Type::Id(id) = of else { return Ok(()) };
        let first = match &self.interface.resolve.types[*id].kind {
            TypeDefKind::Tuple(of) => of.types[0],
            _ => *of,
        };
        let Type::Id(first) = first else { return Ok(()) };
        if let TypeDefKind::Handle(Handle::Own(of)) = &self.interface.resolve.types[first].kind {
            let register = self.take_register(*of)?;
            self.code.push(FIRST);
            self.code.extend(register.to_le_bytes());
            self.code.extend(at.to_le_bytes());
        }
        Ok(())
    }

    fn take_register(&mut self, resource: TypeId) -> Result<u32> {
        let resource = self.interface.resource(resource);
        let slot = self.input.choose_index(SLOTS)?;
        self.live[resource][slot] = true;
        Ok(register(resource, slot))
    }

    fn payload_offset(&self, cases: &[Option<Type>]) -> u32 {
        let tag = if cases.len() > 256 { Int::U16 } else { Int::U8 };
        let cases = cases.iter().map(Option::as_ref);
        offset_of(self.interface.sizes.payload_offset(tag, cases).size_wasm32())
    }

    fn flat_len(&self, of: &Type) -> usize {
        let mut types = [WasmType::I32; 32];
        let mut flat = FlatTypes::new(&mut types);
        self.interface.resolve.push_flat(of, &mut flat);
        flat.to_vec().len()
    }

    /// Bytes that are there before the next call; begins anew where there is no more room.
    fn store(&mut self, bytes: &[u8], align: usize) -> u32 {
        self.data = self.data.next_multiple_of(offset_of(align));
        if self.data as usize + bytes.len() > PROGRAM as usize {
            self.data = DATA;
        }
        let address = self.data;
        self.data += offset_of(bytes.len());
        self.write_store(address, bytes);
        address
    }

    fn write_store(&mut self, address: u32, bytes: &[u8]) {
        self.code.push(STORE);
        self.code.extend(address.to_le_bytes());
        self.code
            .extend(u16::try_from(bytes.len()).expect("what is stored is short").to_le_bytes());
        self.code.extend(bytes);
    }

    /// The byte before the registers is 0, so that it guards nothing.
    fn write_copy(&mut self, to: u32, from: u32, (guard, value): (u32, u8)) {
        self.code.push(COPY);
        self.code.extend(to.to_le_bytes());
        self.code.extend(from.to_le_bytes());
        self.code.extend(guard.to_le_bytes());
        self.code.push(value);
    }
}

fn register(resource: usize, slot: usize) -> u32 {
    REGISTERS + 4 * offset_of(resource * SLOTS + slot)
}

fn offset_of(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("all of it lies in the first 64 KiB")
}
