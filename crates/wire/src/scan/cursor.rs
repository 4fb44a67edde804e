//! Protobuf fields, read in place. Refuses what prost refuses: bad keys and varints, wrong wire types, lengths beyond
//! the message, groups that do not match, and nesting beyond prost's budget. Knows nothing of OTLP.

use crate::WireError;

/// prost's own budget of nested messages; entering one that would leave nothing of it is refused here.
const MAX_NESTED_MESSAGES: u32 = 100;

/// A message that has not been read yet.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    /// For errors, e.g. `span`.
    name: &'static str,
    bytes: &'a [u8],
    budget: u32,
}

/// One field of a message. The accessors check the wire type; a field that is not known is left alone.
pub(crate) struct Field<'a> {
    pub(crate) tag: u32,
    message: &'static str,
    value: Value<'a>,
    budget: u32,
}

enum Value<'a> {
    Varint,
    Fixed64,
    Bytes(&'a [u8]),
    Group,
    Fixed32,
}

impl<'a> Message<'a> {
    pub(crate) fn root(bytes: &'a [u8]) -> Self {
        Self { name: "request", bytes, budget: MAX_NESTED_MESSAGES }
    }

    /// Reads all fields in order. A field may come more than once: of a single value the last one counts.
    pub(crate) fn fields(self, mut each: impl FnMut(Field<'a>) -> Result<(), WireError>) -> Result<(), WireError> {
        let mut cursor = Cursor { message: self.name, rest: self.bytes };
        while !cursor.rest.is_empty() {
            let (tag, wire_type) = cursor.key()?;
            let value = match wire_type {
                0 => cursor.varint().map(|_| Value::Varint)?,
                1 => cursor.take(8).map(|_| Value::Fixed64)?,
                2 => Value::Bytes(cursor.length_delimited()?),
                3 => cursor.skip_group(tag, self.budget).map(|()| Value::Group)?,
                4 => return Err(cursor.malformed("a group ends that never began")),
                5 => cursor.take(4).map(|_| Value::Fixed32)?,
                _ => return Err(cursor.malformed("unknown wire type")),
            };
            each(Field { tag, message: self.name, value, budget: self.budget })?;
        }
        Ok(())
    }
}

impl<'a> Field<'a> {
    pub(crate) fn message(&self, name: &'static str) -> Result<Message<'a>, WireError> {
        let Value::Bytes(bytes) = self.value else { return Err(self.wrong_type(name, "a message")) };
        if self.budget <= 1 {
            return Err(WireError::TooDeep { what: "messages", limit: MAX_NESTED_MESSAGES });
        }
        Ok(Message { name, bytes, budget: self.budget - 1 })
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong_type(name, "bytes")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<(), WireError> {
        let Value::Bytes(bytes) = self.value else { return Err(self.wrong_type(name, "a string")) };
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.malformed(name, "the string is not valid UTF-8")),
        }
    }

    pub(crate) fn varint(&self, name: &str) -> Result<(), WireError> {
        self.expect(matches!(self.value, Value::Varint), name, "a varint")
    }

    pub(crate) fn fixed32(&self, name: &str) -> Result<(), WireError> {
        self.expect(matches!(self.value, Value::Fixed32), name, "4 bytes")
    }

    pub(crate) fn fixed64(&self, name: &str) -> Result<(), WireError> {
        self.expect(matches!(self.value, Value::Fixed64), name, "8 bytes")
    }

    fn expect(&self, right: bool, name: &str, expected: &str) -> Result<(), WireError> {
        if right { Ok(()) } else { Err(self.wrong_type(name, expected)) }
    }

    fn wrong_type(&self, name: &str, expected: &str) -> WireError {
        let got = match self.value {
            Value::Varint => "a varint",
            Value::Fixed64 => "8 bytes",
            Value::Bytes(_) => "a length-delimited field",
            Value::Group => "a group",
            Value::Fixed32 => "4 bytes",
        };
        self.malformed(name, &format!("wrong wire type, expected {expected}, found {got}"))
    }

    fn malformed(&self, name: &str, reason: &str) -> WireError {
        WireError::malformed(format!("{}.{name}", self.message), reason)
    }
}

/// What is left of one message.
struct Cursor<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Field number and wire type.
    fn key(&mut self) -> Result<(u32, u32), WireError> {
        let key = u32::try_from(self.varint()?).map_err(|_| self.malformed("field number out of range"))?;
        if key >> 3 == 0 {
            return Err(self.malformed("field number 0"));
        }
        Ok((key >> 3, key & 0x7))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            // The tenth byte holds the last bit of 64.
            if index == 9 && *byte > 1 {
                return Err(self.malformed("varint of more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(self.malformed("cut short inside a varint"))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(|| self.malformed("a field is longer than its message"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn length_delimited(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.varint()?;
        self.take(length)
    }

    /// Groups are long deprecated, but unknown fields may still be groups.
    fn skip_group(&mut self, tag: u32, budget: u32) -> Result<(), WireError> {
        if budget <= 1 {
            return Err(WireError::TooDeep { what: "groups", limit: MAX_NESTED_MESSAGES });
        }
        loop {
            let (inner_tag, wire_type) = self.key()?;
            match wire_type {
                0 => self.varint().map(drop)?,
                1 => self.take(8).map(drop)?,
                2 => self.length_delimited().map(drop)?,
                3 => self.skip_group(inner_tag, budget - 1)?,
                4 if inner_tag == tag => return Ok(()),
                4 => return Err(self.malformed("a group ends that never began")),
                5 => self.take(4).map(drop)?,
                _ => return Err(self.malformed("unknown wire type")),
            }
        }
    }

    fn malformed(&self, reason: &str) -> WireError {
        WireError::malformed(self.message, reason)
    }
}
