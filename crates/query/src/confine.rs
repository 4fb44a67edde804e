//! What the process that runs a stranger's query takes from itself, for good, before it reads the query: a fault in DuckDB should find nothing
//! to reach. No file but its copies and its own memory limits, and those to read only; no network; no other program; no signal to another process.
//!
//! Landlock closes the file system where the kernel has it (5.13 and newer), a filter of system calls closes the rest. Both hold for the
//! thread that asks and those it starts, so it must be asked first of all. Elsewhere than on Linux there is neither.

use std::path::Path;

/// Leaves this process `folder` to read, and nothing else of the system.
///
/// # Errors
/// When the kernel knows a fence and refuses it. One that it does not know is left out.
#[cfg(target_os = "linux")]
pub(crate) fn confine(folder: &Path) -> std::io::Result<()> {
    fence_files(folder).map_err(std::io::Error::other)?;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
    system_calls::refuse().map_err(std::io::Error::other)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn fence_files(folder: &Path) -> Result<(), landlock::RulesetError> {
    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, Scope,
        path_beneath_rules,
    };
    // The newest that this program knows; what an older kernel lacks is left out of it.
    const KNOWN: ABI = ABI::V6;
    // DuckDB asks there how much memory it may have, and ends the process where it may not ask.
    let readable = [folder, Path::new("/proc/self/cgroup"), Path::new("/sys/fs/cgroup")];
    let fence = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?;
    fence.create()?.add_rules(path_beneath_rules(readable, AccessFs::from_read(KNOWN)))?.restrict_self().map(|_| ())
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod system_calls {
    use std::collections::BTreeMap;

    use seccompiler::{
        BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter,
    };

    /// What a query never needs. Not a list of what it needs: that changes with the system's C library, and a call that is missing there
    /// ends queries of honest people.
    const REFUSED: &[i64] = &[
        // Other programs and processes.
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_kill,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_pidfd_getfd,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        // The network, and other processes by sockets.
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // The file system, where Landlock is not.
        libc::SYS_openat2,
        libc::SYS_open_by_handle_at,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mkdirat,
        libc::SYS_mknodat,
        libc::SYS_truncate,
        libc::SYS_fchmodat,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_memfd_create,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        // The kernel's larger doors.
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
    ];

    /// Calls of the time before those that name a folder.
    #[cfg(target_arch = "x86_64")]
    const REFUSED_OLD: &[i64] = &[
        libc::SYS_fork,
        libc::SYS_vfork,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_mkdir,
        libc::SYS_rmdir,
        libc::SYS_creat,
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_mknod,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const REFUSED_OLD: &[i64] = &[];

    pub(super) fn refuse() -> Result<(), Error> {
        let always = REFUSED.iter().chain(REFUSED_OLD).map(|call| (*call, Vec::new()));
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = always.collect();
        rules.insert(libc::SYS_openat, to_write(2)?);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, to_write(1)?);
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, std::env::consts::ARCH.try_into()?)?;
        let program: BpfProgram = filter.try_into()?;
        apply_filter(&program)
    }

    /// Opening a file in any way but to read it; `flags` is the place of the flags among the arguments.
    fn to_write(flags: u8) -> Result<Vec<SeccompRule>, Error> {
        let bits = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC].map(|bit| bit as u64);
        let rules = bits.map(|bit| {
            let has_bit = SeccompCondition::new(flags, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit), bit)?;
            SeccompRule::new(vec![has_bit])
        });
        Ok(rules.into_iter().collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests;
