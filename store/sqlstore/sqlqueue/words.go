package sqlqueue

import (
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// words are the statements of a database. River's tables differ between databases as no others do.
type words struct {
	// now is the time in River's form, lastNode the node that took a job last, and jobColumns what [Tx.jobs] reads.
	now, lastNode, jobColumns string
	// running is what taking a job sets in it.
	running string
	// swap makes another job of a running one; what else may not be is to follow.
	swap string
	// waiting counts the jobs that wait in each queue.
	waiting string
	// change is the fence: its first part goes before what is set, and its second behind.
	change [2]string
	// held is the condition of running jobs among those with the ids in a bound JSON list.
	held string
}

// runningByID is the condition of a running job of PostgreSQL that is found by its id. An index knows the state as well, and a plan that
// goes through both reads an entry of each job that was running since the table was vacuumed.
const runningByID = "CAST(state AS text) = 'running'"

// oldest is the order in which jobs have waited.
const oldest = " ORDER BY priority, scheduled_at, id"

var wordsOf = [...]words{
	sqlrow.SQLite: words{
		now:      "strftime('%Y-%m-%d %H:%M:%f', 'now')",
		lastNode: "json_extract(attempted_by, '$[#-1]')",
		jobColumns: `json_extract(args, '$.run'), json_extract(args, '$.task'), json_extract(args, '$.map'),
			json_extract(args, '$.try'), coalesce(json_extract(args, '$.queue'), '')`,
		running: "attempt = attempt + 1, attempted_by = jsonb(json_insert(coalesce(attempted_by, jsonb('[]')), '$[#]', ?))",
		swap:    "metadata = jsonb('{}'), args = jsonb(?), attempted_by = jsonb_array(?)",
		waiting: `SELECT coalesce(json_extract(args, '$.queue'), '` + store.DefaultQueue + `') AS name, count(*),
			CAST(round(unixepoch(min(scheduled_at), 'subsec') * 1000) AS INTEGER) FROM river_job WHERE state = 'available' GROUP BY name ORDER BY name`,
		held: sqlrow.SQLite.OneOfNumbers("id") + " AND state = 'running'",
	}.whole(),
	sqlrow.Postgres: words{
		now:      "now()",
		lastNode: "attempted_by[array_upper(attempted_by, 1)]",
		jobColumns: `CAST(args ->> 'run' AS bigint), args ->> 'task', CAST(args ->> 'map' AS bigint),
			CAST(args ->> 'try' AS bigint), coalesce(args ->> 'queue', '')`,
		// The column has 16 bits, and what no worker wants may be given back for long.
		running: "attempt = attempt % 32000 + 1, attempted_by = ARRAY[CAST(? AS text), CAST(? AS text)]",
		swap:    "metadata = '{}', args = CAST(? AS jsonb), queue = ?, attempted_by = ARRAY[CAST(? AS text), CAST(? AS text)]",
		waiting: `SELECT coalesce(min(args ->> 'queue'), queue), count(*), CAST(extract(epoch FROM min(scheduled_at)) * 1000 AS bigint)
			FROM river_job WHERE state = 'available' GROUP BY queue ORDER BY queue COLLATE "C"`,
		held: sqlrow.Postgres.OneOfNumbers("id") + " AND " + runningByID,
	}.whole(),
}

// whole completes the statements.
func (w words) whole() words {
	w.jobColumns = "id, attempt, " + w.lastNode + ", " + w.jobColumns
	w.running = "state = 'running', attempted_at = " + w.now + ", " + w.running
	w.swap = "UPDATE river_job SET attempt = attempt + 1, created_at = " + w.now + ", scheduled_at = " + w.now + ", attempted_at = " + w.now + ", " + w.swap + `
		WHERE id = ? AND state = 'running' AND attempt = ? AND attempt < ? AND ` + w.lastNode + " = ?"
	w.change = [2]string{"UPDATE river_job SET ", " WHERE id = ? AND state = 'running' AND attempt = ? AND " + w.lastNode + " = ?"}
	return w
}

// The statements by which a process of SQLite, which serves all queues, takes the job that has waited longest and makes
// another of its own when none waits. Those of PostgreSQL are in [serving].
var (
	takeOfSQLite = "UPDATE river_job SET " + wordsOf[sqlrow.SQLite].running + `
		WHERE id = (SELECT id FROM river_job WHERE ` + available + oldest + " LIMIT 1) RETURNING " + wordsOf[sqlrow.SQLite].jobColumns
	swapOfSQLite = wordsOf[sqlrow.SQLite].swap + " AND NOT EXISTS (SELECT 1 FROM river_job WHERE " + available + ")"
)

// available is the condition of a job that waits in River's one queue.
const available = "state = 'available' AND queue = '" + store.DefaultQueue + "'"
