"""The record routes by the client that openapi-python-client made. mypy reads this file with
--strict: no type is cast, and nothing is Any."""

import io
import sys

from isobase_client import AuthenticatedClient
from isobase_client.api.records import (
    create_record,
    get_record,
    list_records,
    load_records,
    patch_record,
    write_batch,
)
from isobase_client.models import (
    Batch,
    BatchCreate,
    BatchPatch,
    BatchReport,
    Document,
    ListRecordsFilter,
    LoadReport,
    Page,
    Problem,
    ProblemCode,
    StoredDocument,
)
from isobase_client.types import UNSET, File, Unset

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])


def document(**fields: object) -> Document:
    made = Document()
    for name, value in fields.items():
        made[name] = value
    return made


created = create_record.sync("bills", client=client, body=document(status="open", total=12))
assert isinstance(created, StoredDocument), created
identity = created.id
assert isinstance(identity, int)

lines = b'{"status":"open","total":20}\n{"status":"paid"}\n'
loaded = load_records.sync("bills", client=client, body=File(payload=io.BytesIO(lines)))
assert isinstance(loaded, LoadReport) and loaded.created == 2, loaded

condition = ListRecordsFilter()
condition["status"] = "open"
condition["total[gte]"] = 12
totals: list[object] = []
cursor: str | Unset = UNSET
while True:
    page = list_records.sync("bills", client=client, limit=1, sort="-total", cursor=cursor, filter_=condition)
    assert isinstance(page, Page), page
    totals += [bill["total"] for bill in page.items]
    if not isinstance(page.next_, str):
        break
    cursor = page.next_
assert totals == [20, 12], totals

patched = patch_record.sync("bills", identity, client=client, body=document(status="paid"))
assert isinstance(patched, StoredDocument) and patched["status"] == "paid", patched

batch = Batch(
    operations=[
        BatchCreate(method="create", body=document(status="new")),
        BatchPatch(method="patch", id=identity, patch=document(status="sent")),
    ]
)
report = write_batch.sync("bills", client=client, body=batch)
assert isinstance(report, BatchReport) and report.committed, report

missing = get_record.sync("bills", 999, client=client)
assert isinstance(missing, Problem) and missing.code == ProblemCode.RECORD_NOT_FOUND, missing
