package sqlqueue

import "github.com/dingdag/dingdag/store/sqlstore/sqlrow"

// words are the statements of a database. River's tables differ between databases as no others do.
type words struct {
	// now is the time in River's form, lastNode the node that took a job last, and jobColumns what [Tx.jobs] reads.
	now, lastNode, jobColumns string
	// take takes the job that has waited longest, and swap makes another job of a running one.
	take, swap string
	// change is the fence: its first part goes before what is set, and its second behind.
	change [2]string
}

const (
	// available is the condition of a job that waits.
	available = "state = 'available' AND queue = '" + Name + "'"
	oldest    = " ORDER BY priority, scheduled_at, id LIMIT 1"
)

var wordsOf = [...]words{
	sqlrow.SQLite: words{
		now:      "strftime('%Y-%m-%d %H:%M:%f', 'now')",
		lastNode: "json_extract(attempted_by, '$[#-1]')",
		jobColumns: `json_extract(args, '$.run'), json_extract(args, '$.task'), json_extract(args, '$.map'),
			json_extract(args, '$.try')`,
	}.with("jsonb(json_insert(coalesce(attempted_by, jsonb('[]')), '$[#]', ?))", "jsonb(?)", "jsonb_array(?)", ""),
	sqlrow.Postgres: words{
		now:      "now()",
		lastNode: "attempted_by[array_upper(attempted_by, 1)]",
		jobColumns: `CAST(args ->> 'run' AS bigint), args ->> 'task', CAST(args ->> 'map' AS bigint),
			CAST(args ->> 'try' AS bigint)`,
		// Others may take theirs at the same time.
	}.with("array_append(coalesce(attempted_by, '{}'), CAST(? AS text))", "CAST(? AS jsonb)", "ARRAY[CAST(? AS text)]", " FOR UPDATE SKIP LOCKED"),
}

// with adds the statements: by what appends a node to those that took a job, what makes arguments and a list of one
// node of a value, and what ends the search for a job.
func (w words) with(append1, args, list, locked string) words {
	w.jobColumns = "id, attempt, " + w.lastNode + ", " + w.jobColumns
	w.take = "UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = " + w.now + ", attempted_by = " + append1 + `
		WHERE id = (SELECT id FROM river_job WHERE ` + available + oldest + locked + ") RETURNING " + w.jobColumns
	w.swap = "UPDATE river_job SET args = " + args + ", attempt = attempt + 1, attempted_by = " + list + `,
			created_at = ` + w.now + ", scheduled_at = " + w.now + ", attempted_at = " + w.now + `
		WHERE id = ? AND state = 'running' AND attempt = ? AND attempt < ? AND ` + w.lastNode + ` = ?
			AND NOT EXISTS (SELECT 1 FROM river_job WHERE ` + available + ")"
	w.change = [2]string{"UPDATE river_job SET ", " WHERE id = ? AND state = 'running' AND attempt = ? AND " + w.lastNode + " = ?"}
	return w
}
