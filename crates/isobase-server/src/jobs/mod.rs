//! Long work inside the service, and the backups that it makes.

mod begin;
mod handlers;
mod problems;
mod state;
mod wire;

use isobase_http::{
    BodyLimit::{Document, Pieces},
    Permission::{self, Admin},
    handler,
};

use crate::Route;
pub(crate) use begin::start;
use handlers::{backups, jobs};
pub(crate) use state::State;
pub(crate) use wire::begins;

/// To see jobs and backups.
const READ: Permission = Permission::ReadOf("operations");
/// To run what stays inside this service. What leaves it takes the right to do everything.
const RUN: Permission = Permission::WriteOf("operations");

/// The routes of jobs and backups.
pub(crate) fn routes() -> Vec<Route<State>> {
    let (all, one) = ("/api/v1/jobs", "/api/v1/jobs/{job}");
    let start = |kind: &str| format!("/api/v1/jobs/{kind}");
    let (archives, archive) = ("/api/v1/backups", "/api/v1/backups/{backup}");
    vec![
        Route::get(all, READ, handler(jobs::list_jobs), wire::list_jobs()),
        Route::get(one, READ, handler(jobs::get_job), wire::get_job()),
        Route::post(
            "/api/v1/jobs/{job}/cancel",
            RUN,
            handler(jobs::cancel_job),
            wire::cancel_job(),
        ),
        Route::post("/api/v1/jobs/{job}/pause", RUN, handler(jobs::pause_job), wire::pause_job()),
        Route::post(
            "/api/v1/jobs/{job}/continue",
            RUN,
            handler(jobs::continue_job),
            wire::continue_job(),
        ),
        Route::get(
            "/api/v1/jobs/{job}/samples",
            Admin,
            handler(jobs::get_samples),
            wire::get_samples(),
        ),
        Route::post(start("copy"), Admin, handler(jobs::start_copy), wire::start_copy())
            .body(Document),
        Route::post(start("restore"), Admin, handler(jobs::start_restore), wire::start_restore())
            .body(Document),
        Route::post(start("backup"), RUN, handler(jobs::start_backup), wire::start_backup()),
        Route::post(start("verify"), RUN, handler(jobs::start_verify), wire::start_verify())
            .body(Document),
        Route::post(
            start("reconcile"),
            RUN,
            handler(jobs::start_reconcile),
            wire::start_reconcile(),
        ),
        Route::post(start("audit"), RUN, handler(jobs::start_audit), wire::start_audit())
            .body(Document),
        Route::post(start("sweep"), RUN, handler(jobs::start_sweep), wire::start_sweep()),
        Route::get(archives, READ, handler(backups::list_backups), wire::list_backups()),
        Route::post("/api/v1/backups/trial", RUN, handler(backups::try_remote), wire::try_remote()),
        Route::post(archives, Admin, handler(backups::send_backup), wire::send_backup())
            .body(Pieces),
        Route::get(archive, Admin, handler(backups::get_backup), wire::get_backup()),
        Route::delete(archive, Admin, handler(backups::delete_backup), wire::delete_backup()),
    ]
}
