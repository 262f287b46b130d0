//! How does one part of an application run in a pod? The environment says which part it is.

use crate::pattern::App;

pub(crate) async fn serve(app: App) -> Result<(), String> {
    Err(format!("{}: not yet", app.name))
}
