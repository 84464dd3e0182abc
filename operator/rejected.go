package operator

import (
	"strings"
	"sync"
)

const (
	noBranch     = "classes of Python are not loaded: use branch_python with a function, branch, branch_sql, branch_datetime or branch_day_of_week"
	noVirtualenv = "environments are not made here: make one, and name its interpreter in the parameter python of PythonOperator"
	noContainer  = "containers are not managed here: run them through bash or http"
	noSlack      = "Slack is not supported: use dingding or email, or http to post to the webhook"
	noWebhook    = "this service is not supported: use dingding or email, or http to post to its webhook"
	noSSH        = "commands on other machines are not run here: use bash to start the program that logs in there, or http to call a service there"
	noSQLChecks  = "not supported: use sql_check, sql_value_check or sql_threshold_check with the condition in the SQL"
	noTransfer   = "not supported: use bash with the databases' own tools"
)

// rejectedNames are short names that other readers of DAG files may know.
var rejectedNames = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"slack_webhook": noSlack, "slack_post": noSlack,
		"discord_webhook": noWebhook, "telegram": noWebhook,
		"ssh":              noSSH,
		"sql_column_check": noSQLChecks, "sql_table_check": noSQLChecks,
		"sql_transfer": noTransfer,
	}
})

// rejectedClasses are classes of Airflow, whatever module they are imported from.
var rejectedClasses = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"BaseBranchOperator":             noBranch,
		"PythonVirtualenvOperator":       noVirtualenv,
		"BranchPythonVirtualenvOperator": "use BranchPythonOperator with the parameter python, which names the interpreter of an environment that is there",
		"BranchExternalPythonOperator":   "use BranchPythonOperator with the parameter python",
		"KubernetesPodOperator":          noContainer,
		"DockerOperator":                 noContainer,
		"SubDagOperator":                 "sub-DAGs are not supported: use a task group",
		"SlackWebhookOperator":           noSlack,
		"SlackAPIPostOperator":           noSlack,
		"DiscordWebhookOperator":         noWebhook,
		"TelegramOperator":               noWebhook,
		"SSHOperator":                    noSSH,
		"SQLColumnCheckOperator":         noSQLChecks,
		"SQLTableCheckOperator":          noSQLChecks,
		"GenericTransfer":                noTransfer,
	}
})

// refusedParams are parameters that no operator takes.
func refusedParams() map[string]string {
	return map[string]string{
		"retry_handlers": "configure the connection, or use retries",
	}
}

// Rejected reports whether name is an operator that is known and not supported, and
// says what to use instead. It takes short names, Airflow's dotted paths and bare
// class names.
func Rejected(name string) (message string, ok bool) {
	if message, ok = rejectedNames()[name]; ok {
		return message, true
	}
	module, class, dotted := cutLast(name)
	if dotted && !strings.HasPrefix(module, "airflow.") {
		return "", false
	}
	message, ok = rejectedClasses()[class]
	return message, ok
}

// cutLast cuts a dotted path before its last part. A name without dots is all class.
func cutLast(path string) (module, class string, dotted bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}
