//! Settings of the machine: the power mode, the card.

use super::{Command, Configuration};
use crate::domain::Backend;

/// Commands that bring the machine into the state that was planned.
pub(super) fn setup(configuration: &Configuration<'_>) -> Vec<Command> {
    let Some(mode) = configuration.mode else { return Vec::new() };
    // A device with one state of power management needs no setting.
    if configuration.device.modes.len() < 2 {
        return Vec::new();
    }
    mode.nvpmodel.map(|number| Command::new("sudo").arg("nvpmodel").flag("-m", number)).into_iter().collect()
}

/// In a host with several cards a process is shown its own alone.
pub(super) fn pin_card(start: &mut Command, configuration: &Configuration<'_>) {
    if configuration.device.cards() < 2 {
        return;
    }
    let variable = match configuration.runtime.backend {
        Backend::Cuda => "CUDA_VISIBLE_DEVICES",
        Backend::Rocm => "HIP_VISIBLE_DEVICES",
        Backend::Vulkan => "GGML_VK_VISIBLE_DEVICES",
        _ => return,
    };
    start.environment.insert(0, (variable.to_owned(), configuration.card.to_string()));
}
