//! The calls on descriptors, each a call of the file system.

use stepwell_scratch::{OpenOptions, Stat};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::stream::{Listing, Reader, Writer};
use super::types::{
    self, DescriptorFlags, DescriptorStat, ErrorCode, HostDescriptor, MetadataHashValue, OpenFlags,
    PathFlags,
};
use super::{
    Descriptor, Failed, OpenNode, PIECE_BYTES, datetime, descriptor_type, directory, timestamp,
};
use crate::host::Host;

type Answer<T> = Result<T, Failed>;

impl HostDescriptor for Host {
    fn read_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<DynInputStream>> {
        let descriptor = self.table.get(&file)?;
        if descriptor.is_directory {
            return Err(ErrorCode::IsDirectory.into());
        }
        let reader: DynInputStream = Box::new(Reader::new(readable(descriptor)?.again()?, offset));
        Ok(self.table.push(reader)?)
    }

    fn write_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: u64,
    ) -> Answer<Resource<DynOutputStream>> {
        let node = self.table.get(&file)?.writable()?.again()?;
        let writer: DynOutputStream = Box::new(Writer::new(node, Some(offset)));
        Ok(self.table.push(writer)?)
    }

    fn append_via_stream(
        &mut self,
        file: Resource<Descriptor>,
    ) -> Answer<Resource<DynOutputStream>> {
        let node = self.table.get(&file)?.writable()?.again()?;
        let writer: DynOutputStream = Box::new(Writer::new(node, None));
        Ok(self.table.push(writer)?)
    }

    fn advise(
        &mut self,
        file: Resource<Descriptor>,
        _offset: u64,
        _length: u64,
        _advice: types::Advice,
    ) -> Answer<()> {
        self.table.get(&file)?.file()?;
        Ok(())
    }

    fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> Answer<()> {
        self.sync(descriptor)
    }

    fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> Answer<DescriptorFlags> {
        let descriptor = self.table.get(&descriptor)?;
        let flag = |is_set: bool, flag| if is_set { flag } else { DescriptorFlags::empty() };
        Ok(flag(descriptor.is_readable, DescriptorFlags::READ)
            | flag(descriptor.is_writable, DescriptorFlags::WRITE)
            | flag(descriptor.is_directory, DescriptorFlags::MUTATE_DIRECTORY))
    }

    fn get_type(&mut self, descriptor: Resource<Descriptor>) -> Answer<types::DescriptorType> {
        let node = &self.table.get(&descriptor)?.node;
        Ok(descriptor_type(node.with(|scratch, handle| scratch.stat(handle).kind)))
    }

    fn set_size(&mut self, file: Resource<Descriptor>, size: u64) -> Answer<()> {
        let now = self.clock.timestamp();
        let descriptor = self.table.get(&file)?;
        let node = descriptor.file()?;
        if !descriptor.is_writable {
            return Err(ErrorCode::Invalid.into());
        }
        Ok(node.with(|scratch, handle| scratch.set_size(handle, size, now))?)
    }

    fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> Answer<()> {
        let now = self.clock.timestamp();
        let (accessed, modified) = (timestamp(accessed, now)?, timestamp(modified, now)?);
        let node = &self.table.get(&descriptor)?.node;
        node.with(|scratch, handle| scratch.set_times(handle, accessed, modified, now));
        Ok(())
    }

    fn read(
        &mut self,
        file: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let descriptor = self.table.get(&file)?;
        let node = readable(descriptor)?;
        let mut bytes = vec![0; piece(length)];
        let read = node.with(|scratch, handle| scratch.read(handle, offset, &mut bytes))?;
        bytes.truncate(read);
        self.meter.charge(read as u64);
        Ok((bytes, read == 0))
    }

    fn write(&mut self, file: Resource<Descriptor>, bytes: Vec<u8>, offset: u64) -> Answer<u64> {
        let now = self.clock.timestamp();
        self.meter.charge(bytes.len() as u64);
        let node = self.table.get(&file)?.writable()?;
        let bytes = &bytes[..piece(bytes.len() as u64)];
        Ok(node.with(|scratch, handle| scratch.write(handle, offset, bytes, now))? as u64)
    }

    fn read_directory(&mut self, folder: Resource<Descriptor>) -> Answer<Resource<Listing>> {
        let listing = Listing::new(directory(&self.table, &folder)?.again()?);
        Ok(self.table.push(listing)?)
    }

    fn sync(&mut self, descriptor: Resource<Descriptor>) -> Answer<()> {
        self.table.get(&descriptor)?.node.with(|scratch, handle| scratch.sync(handle));
        Ok(())
    }

    fn create_directory_at(&mut self, start: Resource<Descriptor>, path: String) -> Answer<()> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        Ok(start.with(|scratch, start| scratch.create_directory_at(start, &path, now))?)
    }

    fn stat(&mut self, descriptor: Resource<Descriptor>) -> Answer<DescriptorStat> {
        let node = &self.table.get(&descriptor)?.node;
        Ok(described(&node.with(|scratch, handle| scratch.stat(handle))))
    }

    fn stat_at(
        &mut self,
        start: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<DescriptorStat> {
        Ok(described(&self.found(&start, flags, &path)?))
    }

    fn set_times_at(
        &mut self,
        start: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: types::NewTimestamp,
        modified: types::NewTimestamp,
    ) -> Answer<()> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        let times = (timestamp(accessed, now)?, timestamp(modified, now)?);
        Ok(start.with(|scratch, start| {
            scratch.set_times_at(start, &path, follows(flags), times, now)
        })?)
    }

    fn link_at(
        &mut self,
        old_start: Resource<Descriptor>,
        flags: PathFlags,
        old_path: String,
        new_start: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let now = self.clock.timestamp();
        let old_start = directory(&self.table, &old_start)?;
        let new_start = directory(&self.table, &new_start)?;
        if follows(flags) {
            return Err(ErrorCode::Invalid.into());
        }
        Ok(old_start.with(|scratch, old_start| {
            scratch.link_at(old_start, &old_path, new_start.handle(), &new_path, now)
        })?)
    }

    fn open_at(
        &mut self,
        start: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Answer<Resource<Descriptor>> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        let synchronized = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synchronized) {
            return Err(ErrorCode::Unsupported.into());
        }
        let options = OpenOptions {
            follow: follows(path_flags),
            create: open_flags.contains(OpenFlags::CREATE),
            exclusive: open_flags.contains(OpenFlags::EXCLUSIVE),
            truncate: open_flags.contains(OpenFlags::TRUNCATE),
            directory: open_flags.contains(OpenFlags::DIRECTORY),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        let node = OpenNode::new(&start.files, |scratch| {
            scratch.open_at(start.handle(), &path, options, now)
        })?;
        let kind = node.with(|scratch, handle| scratch.stat(handle).kind);
        let descriptor = Descriptor {
            node,
            is_directory: kind == stepwell_scratch::Kind::Directory,
            // As wasmtime opens files: one that is made can be written to, one that is not to be
            // written to can be read.
            is_readable: flags.contains(DescriptorFlags::READ) || !options.write,
            is_writable: options.write || options.create || options.truncate,
        };
        Ok(self.table.push(descriptor)?)
    }

    fn readlink_at(&mut self, start: Resource<Descriptor>, path: String) -> Answer<String> {
        let start = directory(&self.table, &start)?;
        Ok(start.with(|scratch, start| scratch.readlink_at(start, &path))?)
    }

    fn remove_directory_at(&mut self, start: Resource<Descriptor>, path: String) -> Answer<()> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        Ok(start.with(|scratch, start| scratch.remove_directory_at(start, &path, now))?)
    }

    fn rename_at(
        &mut self,
        old_start: Resource<Descriptor>,
        old_path: String,
        new_start: Resource<Descriptor>,
        new_path: String,
    ) -> Answer<()> {
        let now = self.clock.timestamp();
        let old_start = directory(&self.table, &old_start)?;
        let new_start = directory(&self.table, &new_start)?;
        Ok(old_start.with(|scratch, old_start| {
            scratch.rename_at(old_start, &old_path, new_start.handle(), &new_path, now)
        })?)
    }

    fn symlink_at(
        &mut self,
        start: Resource<Descriptor>,
        target: String,
        path: String,
    ) -> Answer<()> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        Ok(start.with(|scratch, start| scratch.symlink_at(&target, start, &path, now))?)
    }

    fn unlink_file_at(&mut self, start: Resource<Descriptor>, path: String) -> Answer<()> {
        let now = self.clock.timestamp();
        let start = directory(&self.table, &start)?;
        Ok(start.with(|scratch, start| scratch.unlink_file_at(start, &path, now))?)
    }

    fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        let (one, other) = (&self.table.get(&one)?.node, &self.table.get(&other)?.node);
        Ok(one.with(|scratch, one| scratch.is_same_object(one, other.handle())))
    }

    fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> Answer<MetadataHashValue> {
        let node = &self.table.get(&descriptor)?.node;
        Ok(hash(&node.with(|scratch, handle| scratch.stat(handle))))
    }

    fn metadata_hash_at(
        &mut self,
        start: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> Answer<MetadataHashValue> {
        Ok(hash(&self.found(&start, flags, &path)?))
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.table.delete(descriptor)?;
        Ok(())
    }
}

impl Host {
    fn found(&self, start: &Resource<Descriptor>, flags: PathFlags, path: &str) -> Answer<Stat> {
        let start = directory(&self.table, start)?;
        Ok(start.with(|scratch, start| scratch.stat_at(start, path, follows(flags)))?)
    }
}

fn readable(descriptor: &Descriptor) -> Result<&OpenNode, ErrorCode> {
    if descriptor.is_readable { descriptor.file() } else { Err(ErrorCode::BadDescriptor) }
}

fn follows(flags: PathFlags) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW)
}

/// How much of so many bytes is taken at once.
fn piece(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)
}

fn described(stat: &Stat) -> DescriptorStat {
    DescriptorStat {
        type_: descriptor_type(stat.kind),
        link_count: stat.links.into(),
        size: stat.size,
        data_access_timestamp: Some(datetime(stat.accessed)),
        data_modification_timestamp: Some(datetime(stat.modified)),
        status_change_timestamp: Some(datetime(stat.changed)),
    }
}

/// What is the same for all names of a node, and serves as its inode number: never zero.
fn hash(stat: &Stat) -> MetadataHashValue {
    MetadataHashValue { lower: u64::from(stat.number) + 1, upper: 0 }
}
