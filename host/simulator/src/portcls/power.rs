//! Power changes of a device, in the order of contract section 15.

use std::rc::Rc;

use dmusmini::com::Status;
use dmusmini::portcls::abi::{KsState, PowerState};

use super::block::Block;
use super::device::DeviceState;
use super::filter::FilterState;
use super::host;

impl DeviceState {
    /// Changes the device's power state. Leaving D0: streams pause, miniports are told, the adapter
    /// changes. Coming back: the adapter changes, miniports are told, streams go on. Streams run all
    /// the while unless `pausing`.
    pub(crate) fn change_power(&self, state: PowerState, pausing: bool) -> Status {
        if state == self.power.get() {
            return Status::SUCCESS;
        }
        let filters = self.registered();
        let adapter = self.power_management.borrow().clone();
        if let Some(adapter) = &adapter {
            let agreed = adapter.call(
                "IAdapterPowerManagement::QueryPowerChangeState",
                |adapter| adapter.query_power_change_state(&host::passive(), state),
            );
            if !agreed.is_success() {
                return agreed;
            }
        }
        let change = || {
            if let Some(adapter) = &adapter {
                adapter.call("IAdapterPowerManagement::PowerChangeState", |adapter| {
                    adapter.power_change_state(&host::passive(), state);
                });
            }
        };
        if state == PowerState::D0 {
            change();
            self.power.set(state);
            tell(&filters, state);
            resume(&filters);
        } else {
            if pausing {
                pause(&filters);
            }
            tell(&filters, state);
            change();
            self.power.set(state);
        }
        Status::SUCCESS
    }
}

impl DeviceState {
    /// What the adapter makes of the capabilities that the bus reports.
    pub(crate) fn query_capabilities(&self, by_bus: &[u8]) -> Result<Vec<u8>, Status> {
        let adapter = self.power_management.borrow().clone();
        let adapter = adapter.ok_or(Status::NOT_FOUND)?;
        let capabilities = Block::new(by_bus.len());
        capabilities.write(0, by_bus);
        let place = capabilities.pointer::<u8>().cast();
        let status = adapter.call(
            "IAdapterPowerManagement::QueryDeviceCapabilities",
            // SAFETY: the structure is alive, and as large as the caller says.
            |adapter| unsafe { adapter.query_device_capabilities(&host::passive(), place) },
        );
        status.ok().map(|()| capabilities.read(0, by_bus.len()))
    }
}

fn tell(filters: &[Rc<FilterState>], state: PowerState) {
    for filter in filters {
        if let Some(notify) = filter.power_notify() {
            notify.call("IPowerNotify::PowerChangeNotify", |notify| {
                notify.power_change_notify(&host::passive(), state);
            });
        }
    }
}

fn pause(filters: &[Rc<FilterState>]) {
    for pin in filters.iter().flat_map(|filter| filter.open_pins()) {
        if pin.state.get() == KsState::RUN && pin.resume.get().is_none() {
            pin.resume.set(Some(KsState::RUN));
            let _ = pin.walk(KsState::PAUSE);
        }
    }
}

fn resume(filters: &[Rc<FilterState>]) {
    for pin in filters.iter().flat_map(|filter| filter.open_pins()) {
        if let Some(state) = pin.resume.take() {
            let status = pin.walk(state);
            if !status.is_success() {
                host::breach(
                    "IMXF::SetState",
                    format!("after a power change: {status:?}"),
                );
            }
        }
    }
}
