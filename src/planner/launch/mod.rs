//! What starts a workload as planned: the program with its arguments, the files that it needs and how they come about, the
//! settings of the machine. Data; the report quotes and words it.

mod files;
pub mod flags;
mod ggml;
mod machine;
mod networks;
mod servers;
mod template;

use super::budget::{Answer, Question};
use crate::candidates::Candidate;
use crate::domain::{Device, FlashSupport, Format, KvPair, Model, Pool, PowerMode, Runtime};
use crate::memory::{PoolUse, Settings};
use crate::scenario::Workload;
use crate::units::Bytes;

/// A program with its arguments and what is added to its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Variables and their values.
    pub environment: Vec<(String, String)>,
    /// The program, with no arguments.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// How a file comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The scenario names it: it is there.
    Given,
    /// By these commands, in order.
    Made(Vec<Command>),
    /// With a tool that is no command line: its name and the address of its documentation.
    Tool {
        /// Name.
        name: &'static str,
        /// Address.
        documentation: &'static str,
    },
    /// It is a text of this content.
    Written(String),
}

/// A file, or folder of files, that a command needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path.
    pub path: String,
    /// How it comes about.
    pub origin: Origin,
}

/// What starts a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Settings of the machine, once after each start of it.
    pub setup: Vec<Command>,
    /// The files needed, each after those it is made from.
    pub files: Vec<File>,
    /// The process that serves or runs the model.
    pub start: Command,
    /// What is to be told to it when it runs.
    pub then: Vec<Command>,
    /// Whether `start` serves requests; otherwise it is the vendor's own program that runs the file, and an application
    /// loads the file through the engine's library in its place.
    pub serves: bool,
    /// Address of the documentation of `start`; absent for commands of the user's catalog.
    pub documentation: Option<&'static str>,
}

impl Command {
    fn new(program: &str) -> Self {
        Self { program: program.to_owned(), ..Self::default() }
    }

    /// One argument.
    #[must_use]
    fn arg(mut self, word: impl ToString) -> Self {
        self.arguments.push(word.to_string());
        self
    }

    /// An operand: a name that begins as a flag does gets its folder before it.
    #[must_use]
    fn operand(self, word: &str) -> Self {
        if word.starts_with('-') { self.arg(format!("./{word}")) } else { self.arg(word) }
    }

    /// A flag with its value.
    #[must_use]
    fn flag(self, name: &str, value: impl ToString) -> Self {
        self.arg(name).arg(value)
    }

    /// A flag and its value in one word.
    #[must_use]
    fn joined(self, name: &str, value: impl std::fmt::Display) -> Self {
        self.arg(format!("{name}={value}"))
    }

    /// A variable.
    #[must_use]
    fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Environment and words, unquoted.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.program.as_str()).chain(self.arguments.iter().map(String::as_str))
    }

    /// The command as a line for a POSIX shell.
    #[must_use]
    pub fn line(&self) -> String {
        crate::shell::line(
            self.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())),
            &self.program,
            self.arguments.iter().map(String::as_str),
        )
    }
}

/// A configuration that is to be started.
#[derive(Debug, Clone, Copy)]
pub struct Configuration<'a> {
    /// Where.
    pub device: &'a Device,
    /// In which mode.
    pub mode: Option<&'a PowerMode>,
    /// With which engine and backend.
    pub runtime: &'a Runtime,
    /// Which model.
    pub model: &'a Model,
    /// The model as it was named: a catalog id or a path.
    pub model_name: &'a str,
    /// In which format.
    pub format: &'a Format,
    /// Types of the cache; absent where there is none.
    pub kv: Option<KvPair>,
    /// Flash attention; absent where it has no meaning.
    pub flash_attention: Option<bool>,
    /// Tokens per stream.
    pub context: u64,
    /// Concurrent streams.
    pub streams: u32,
    /// Tokens of the prompt, or of one input of an encoder.
    pub prompt: u64,
    /// Images with a prompt.
    pub images: u32,
    /// Most tokens at once, where the engine works in batches of a stated size.
    pub batch: u32,
    /// Most tokens computed at once, likewise.
    pub micro_batch: u32,
    /// What the server must be told for its memory to be as estimated.
    pub settings: Option<Settings>,
    /// What it takes of the accelerator's memory; absent when unknown.
    pub used: Option<PoolUse>,
    /// Which of several cards, from 0.
    pub card: usize,
}

impl<'a> Configuration<'a> {
    /// The configuration of a candidate.
    #[must_use]
    pub fn of(candidate: &'a Candidate<'a>, workload: &'a Workload) -> Self {
        let settings = candidate.footprint.as_ref().and_then(|f| f.settings);
        let micro_batch = candidate.micro_batch.unwrap_or(512);
        Self {
            device: candidate.device,
            mode: Some(candidate.mode),
            runtime: candidate.runtime,
            model: &workload.model,
            model_name: &workload.model_name,
            format: candidate.format,
            kv: candidate.kv,
            flash_attention: candidate.flash_attention,
            context: workload.context,
            streams: workload.streams,
            prompt: workload.prompt,
            images: workload.images,
            batch: settings.map_or(2048, |s| s.batch),
            micro_batch,
            settings,
            used: candidate.footprint.map(|f| f.main),
            card: candidate.card,
        }
    }

    /// The configuration of a budget.
    #[must_use]
    pub fn of_question(question: &'a Question<'a>, answer: &Answer) -> Self {
        let demand = &question.demand;
        let language = question.model.language().is_some();
        let chosen = language && question.runtime.flash_attention == FlashSupport::Optional;
        Self {
            device: question.device,
            mode: Some(question.mode),
            runtime: question.runtime,
            model: &question.model,
            model_name: &question.model.id,
            format: question.format,
            kv: language.then_some(question.kv),
            flash_attention: chosen.then_some(answer.flash_attention),
            context: demand.total() / u64::from(demand.streams.max(1)),
            streams: demand.streams,
            prompt: demand.prompt,
            images: demand.images,
            batch: answer.settings.map_or(demand.batch, |s| s.batch),
            micro_batch: answer.settings.map_or(demand.micro_batch, |s| s.micro_batch),
            settings: answer.settings,
            used: answer.pools.first().map(|p| p.used),
            card: 0,
        }
    }

    /// The memories of the device, in its mode.
    fn pools(&self) -> &[Pool] {
        self.mode.map_or(&self.device.pools, |mode| self.device.pools_in(mode))
    }

    /// Tokens over all streams.
    fn total_context(&self) -> u64 {
        self.context.saturating_mul(u64::from(self.streams))
    }

    /// Share of the accelerator's memory that the workload takes, a per cent more than needed since engines round down.
    fn memory_share(&self) -> Option<f64> {
        let capacity = self.pools().first()?.capacity;
        let used = self.used?.total();
        let share = (used.0 as f64 / capacity.0.max(1) as f64 * 100.0).ceil() + 1.0;
        Some((share / 100.0).min(0.99))
    }

    /// Share that the cache takes of what is left when everything else is in place.
    fn cache_share(&self) -> Option<f64> {
        let capacity = self.pools().first().map_or(Bytes::ZERO, |p| p.capacity);
        let main = self.used?;
        let left = capacity.saturating_sub(main.total().saturating_sub(main.cache()));
        let share = (main.cache().0 as f64 / left.0.max(1) as f64 * 100.0).ceil() + 1.0;
        Some((share / 100.0).min(0.99))
    }
}

/// What starts a configuration; nothing for an engine that neither the catalog nor this module knows a command for.
#[must_use]
pub fn launch(configuration: &Configuration<'_>) -> Option<Launch> {
    let mut launch = if let Some(text) = &configuration.runtime.launch {
        template::launch(text, configuration)?
    } else {
        match configuration.runtime.engine_id.as_str() {
            "llama.cpp" => ggml::llama_server(configuration),
            "ollama" => ggml::ollama(configuration),
            "whisper.cpp" => ggml::whisper(configuration),
            engine => servers::launch(engine, configuration).or_else(|| networks::launch(engine, configuration))?,
        }
    };
    launch.setup = machine::setup(configuration);
    machine::pin_card(&mut launch.start, configuration);
    if launch.documentation.is_none() && configuration.runtime.launch.is_none() {
        launch.documentation = flags::program(&launch.start).map(|p| p.documentation);
    }
    Some(launch)
}

/// The first port that is given to one of several servers of a device: the default of most of them.
const FIRST_PORT: u16 = 8080;

/// Gives each of several servers on one device a port of its own: most would listen on the same one, and the second not start.
pub fn tell_apart<'l>(launches: impl Iterator<Item = &'l mut Launch>) {
    let mut servers: Vec<&mut Launch> = launches.filter(|launch| launch.serves).collect();
    if servers.len() < 2 {
        return;
    }
    for (port, launch) in (FIRST_PORT..).zip(&mut servers) {
        let Some(program) = flags::program(&launch.start) else { continue };
        if program.flags.contains(&"--port") {
            launch.start.arguments.extend(["--port".to_owned(), port.to_string()]);
        } else if program.variables.contains(&"OLLAMA_HOST") {
            let made = launch.files.iter_mut().filter_map(|file| match &mut file.origin {
                Origin::Made(commands) => Some(commands),
                _ => None,
            });
            let clients = made.flatten().chain(&mut launch.then);
            for command in clients.filter(|command| command.program == "ollama").chain([&mut launch.start]) {
                command.environment.push(("OLLAMA_HOST".to_owned(), format!("127.0.0.1:{port}")));
            }
        }
    }
}

impl Launch {
    /// What the process is found by in the list of all command lines.
    #[must_use]
    pub fn process(&self) -> &str {
        let words: &[&str] = flags::program(&self.start).map_or(&[], |p| p.words);
        let interpreted = words.first().is_some_and(|w| matches!(*w, "python" | "python3" | "sh"));
        let name = match words.last() {
            Some(last) if interpreted && !last.starts_with('-') => last,
            _ => self.start.program.as_str(),
        };
        name.rsplit('/').next().unwrap_or(name)
    }

    /// A process that serves requests.
    fn serving(start: Command, files: Vec<File>) -> Self {
        Self { setup: Vec::new(), files, start, then: Vec::new(), serves: true, documentation: None }
    }

    /// The vendor's program that runs a file.
    fn running(start: Command, files: Vec<File>) -> Self {
        Self { serves: false, ..Self::serving(start, files) }
    }
}
