//! How to start what was planned, in words and lines for a shell. Every word of every line is quoted where it must be.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::planner::launch::{Command, File, Launch, Origin};
use crate::shell::quote;

/// The commands that start the workload and tell it what to run, one a line.
pub(crate) fn lines(launch: &Launch) -> String {
    std::iter::once(&launch.start).chain(&launch.then).map(Command::line).collect::<Vec<_>>().join("\n")
}

/// A command for programs: its words apart, and as a line.
fn command(command: &Command) -> Value {
    let environment: serde_json::Map<String, Value> =
        command.environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "environment": environment,
        "program": command.program,
        "arguments": command.arguments,
        "line": command.line(),
    })
}

fn commands(list: &[Command]) -> Vec<Value> {
    list.iter().map(command).collect()
}

fn file(file: &File) -> Value {
    match &file.origin {
        Origin::Given => json!({ "path": file.path, "origin": "given" }),
        Origin::Made(steps) => json!({ "path": file.path, "origin": "made", "commands": commands(steps) }),
        Origin::Tool { name, documentation } => {
            json!({ "path": file.path, "origin": "tool", "tool": name, "documentation": documentation })
        }
        Origin::Written(text) => json!({ "path": file.path, "origin": "written", "text": text }),
    }
}

/// The launch for programs.
pub(crate) fn value(launch: &Launch) -> Value {
    json!({
        "setup": commands(&launch.setup),
        "files": launch.files.iter().map(file).collect::<Vec<_>>(),
        "start": command(&launch.start),
        "then": commands(&launch.then),
        "serves": launch.serves,
        "documentation": launch.documentation,
    })
}

/// The settings of a machine for eyes.
pub(crate) fn write_setup(out: &mut String, launch: &Launch) -> std::fmt::Result {
    launch.setup.iter().try_for_each(|setting| writeln!(out, "    $ {}", setting.line()))
}

/// The launch for eyes: how the files come about, then what starts it.
pub(crate) fn write(out: &mut String, launch: &Launch) -> std::fmt::Result {
    for needed in &launch.files {
        match &needed.origin {
            Origin::Given => {}
            Origin::Made(steps) => {
                for step in steps {
                    writeln!(out, "    $ {}", step.line())?;
                }
            }
            Origin::Tool { name, documentation } => {
                writeln!(out, "    needs {}: {name}, {documentation}", quote(&needed.path))?;
            }
            Origin::Written(text) => {
                let text = text.trim_end_matches('\n');
                writeln!(out, "    $ printf '%s\\n' {} > {}", quote(text), quote(&needed.path))?;
            }
        }
    }
    if !launch.serves {
        writeln!(out, "    the engine's own program runs the model; an application loads the same files")?;
    }
    for started in std::iter::once(&launch.start).chain(&launch.then) {
        writeln!(out, "    $ {}", started.line())?;
    }
    Ok(())
}
