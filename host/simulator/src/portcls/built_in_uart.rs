//! PortCls' own DMusUART miniport, as `PcNewMiniport` makes it. (To follow.)

use std::rc::Rc;

use dmusmini::com::{ComRef, Guid, Status};
use dmusmini::portcls::interfaces::IMiniport;

use super::PortCls;

pub(crate) fn make(_system: &Rc<PortCls>, _class: &Guid) -> Result<ComRef<IMiniport>, Status> {
    Err(Status::NOT_IMPLEMENTED)
}
