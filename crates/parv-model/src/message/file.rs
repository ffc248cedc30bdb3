//! The announcement of a file (seed, "File transfer"; requirement F1). The bytes travel elsewhere.

/// The longest transfer id, in bytes.
pub const MAX_TID_BYTES: usize = 64;

/// The longest file name, in bytes, as on most file systems.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// A file that its author offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAnnouncement {
    /// Tells transfers of one commit apart: 1 to [`MAX_TID_BYTES`] ASCII letters and digits, as it becomes part of a file
    /// name.
    pub tid: String,
    /// What the file is called: 1 to [`MAX_FILE_NAME_BYTES`] bytes, no folders, no control characters.
    pub display_name: String,
    /// Its size in bytes.
    pub total_size: u64,
    /// The SHA3-512 of its contents.
    pub sha3sum: [u8; 64],
}

impl FileAnnouncement {
    /// Why the announcement is none, if so.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        let tid = &self.tid;
        if tid.is_empty() || tid.len() > MAX_TID_BYTES || !tid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Some("\"tid\" is not 1 to 64 letters and digits");
        }
        let name = &self.display_name;
        let hostile = |c: char| c.is_control() || c == '/' || c == '\\';
        if name.is_empty() || name.len() > MAX_FILE_NAME_BYTES || name.contains(hostile) || name == "." || name == ".."
        {
            return Some("\"displayName\" is not a plain file name of at most 255 bytes");
        }
        None
    }
}
