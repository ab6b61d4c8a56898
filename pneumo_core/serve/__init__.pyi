from .audit_log import (
    AUDIT_LOG_VARIABLE as AUDIT_LOG_VARIABLE,
    AuditEvent as AuditEvent,
    record_event as record_event,
    verify_audit_log as verify_audit_log,
)
from .guard import (
    COOKIE as COOKIE,
    WebGuard as WebGuard,
)
from .jobs import (
    AuditJob as AuditJob,
    Audits as Audits,
    Job as Job,
    Jobs as Jobs,
)
from .rules import (
    rules_asked_for as rules_asked_for,
)
from .sessions import (
    end_left_sessions as end_left_sessions,
    share_arenas as share_arenas,
)
from .sign_in import (
    hash_passphrase as hash_passphrase,
    is_sign_in_asked_for as is_sign_in_asked_for,
    visitor as visitor,
)
from .upload_bounds import (
    MAX_FILES as MAX_FILES,
    MAX_SESSION_BYTES as MAX_SESSION_BYTES,
)
