package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/operator"
)

// BranchOperator chooses by the result of SQL which of the directly downstream tasks run.
//
// The first cell decides: true or false, a number (0 is false), or a text: y, yes, t, true, on
// and 1, or n, no, f, false, off and 0, in upper or lower case. Anything else is an error, and
// so is a result without rows. The tasks that are not chosen are skipped.
//
// What the SQL changes is rolled back. See the operator sql for connections.
type BranchOperator struct {
	// SQL is the query.
	SQL string `yaml:"sql" param:"required,template,files=.sql"`
	// FollowTaskIDsIfTrue is the id of a task or group directly downstream, or a list.
	FollowTaskIDsIfTrue []string `yaml:"follow_task_ids_if_true" param:"required,single,listed=IfTrueListed"`
	// IfTrueListed tells that it was given as a list.
	IfTrueListed bool
	// FollowTaskIDsIfFalse is the id of a task or group directly downstream, or a list.
	FollowTaskIDsIfFalse []string `yaml:"follow_task_ids_if_false" param:"required,single,listed=IfFalseListed"`
	// IfFalseListed tells that it was given as a list.
	IfFalseListed bool
	// Conn is the connection, of type postgres, mysql or sqlite.
	Conn string `yaml:"conn_id" param:"template,default=default_conn_id"`
	// Parameters are the values for placeholders, as in the operator sql.
	Parameters any `yaml:"parameters" param:"template"`
	Settings
}

var (
	_ operator.Operator = (*BranchOperator)(nil)
	_ operator.Brancher = (*BranchOperator)(nil)
)

func branchSpec(docs operator.Option) operator.Spec {
	return operator.Define[BranchOperator]("branch_sql", docs,
		operator.Alias(
			"airflow.providers.common.sql.operators.sql.BranchSQLOperator",
			"airflow.operators.sql.BranchSQLOperator",
			"airflow.operators.sql_branch_operator.BranchSQLOperator",
			"airflow.operators.sql_branch_operator.BranchSqlOperator",
		),
		operator.Example("Load everything if the table is empty", `
conn_id: warehouse
sql: SELECT count(*) = 0 FROM orders
follow_task_ids_if_true: full_load
follow_task_ids_if_false: [daily_load, report]
`),
	)
}

// Validate checks what can be known before templates are rendered.
func (b *BranchOperator) Validate() error {
	return errors.Join(needsConnection(b.Conn), validParameters(b.Parameters), b.Settings.Validate())
}

// Targets returns the ids of both branches.
func (b *BranchOperator) Targets() []string {
	return slices.Concat(b.FollowTaskIDsIfTrue, b.FollowTaskIDsIfFalse)
}

// Execute asks the database and returns the choice.
func (b *BranchOperator) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	rows, err := firstRows(ctx, tc, b.Conn, b.Database, b.Parameters, b.SQL)
	if err != nil {
		return nil, b.outcome(ctx, err)
	}
	if rows[0] == nil {
		return nil, b.outcome(ctx, errors.New("the query of the branch gave no row: it must give true or false"))
	}
	chosen, err := decide(rows[0][0])
	if err != nil {
		return nil, b.outcome(ctx, err)
	}
	branch := operator.Branch{TaskIDs: b.FollowTaskIDsIfFalse, AsList: b.IfFalseListed}
	if chosen {
		branch = operator.Branch{TaskIDs: b.FollowTaskIDsIfTrue, AsList: b.IfTrueListed}
	}
	tc.Log.InfoContext(ctx, "chose the branches", "cell", jsonText(rows[0][0]), "task_ids", branch.TaskIDs)
	return branch, nil
}

// decide reads a cell as true or false.
func decide(cell any) (bool, error) {
	if raw, isJSON := cell.(json.RawMessage); isJSON {
		cell = decodedJSON(raw)
	}
	text, isText := cell.(string)
	if _, isNumber := floatOf(cell); isNumber && !isText {
		return truthy(cell), nil
	}
	switch strings.ToLower(text) {
	case "y", "yes", "t", "true", "on", "1":
		return true, nil
	case "n", "no", "f", "false", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("the query of the branch gave %s, which is neither true nor false", jsonText(cell))
}
