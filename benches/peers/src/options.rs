//! What `run.sh` says.

use std::path::PathBuf;

#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Where tokens and what is measured are kept.
    pub(crate) room: PathBuf,
    /// Each case once, to see that it works.
    pub(crate) is_check: bool,
    pub(crate) full_service: Option<PathBuf>,
    pub(crate) sdk_python: Option<PathBuf>,
    pub(crate) sdk_service: PathBuf,
    /// The folder of `peers.md` and `peers.svg`.
    pub(crate) docs: Option<PathBuf>,
    pub(crate) baseline: Option<Baseline>,
}

/// Another revision of this crate.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) revision: String,
    pub(crate) worker: PathBuf,
    pub(crate) full_service: PathBuf,
}

impl Options {
    pub(crate) fn read(arguments: &[&str]) -> Self {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || *arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match *argument {
                "--room" => options.room = value().into(),
                "--check" => options.is_check = true,
                "--full-service" => options.full_service = Some(value().into()),
                "--sdk-python" => options.sdk_python = Some(value().into()),
                "--sdk-service" => options.sdk_service = value().into(),
                "--docs" => options.docs = Some(value().into()),
                "--baseline" => {
                    let [revision, worker, full_service] = [value(), value(), value()];
                    options.baseline = Some(Baseline {
                        revision: revision.to_owned(),
                        worker: worker.into(),
                        full_service: full_service.into(),
                    });
                }
                _ => panic!("no such option: {argument}"),
            }
        }
        options
    }
}
