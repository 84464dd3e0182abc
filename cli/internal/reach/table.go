package reach

import (
	"maps"

	"github.com/dingdag/dingdag/access"
)

// The usual rows.
var (
	local   = Reach{Class: Local}                                                      //nolint:gochecknoglobals // never changed
	machine = Reach{Class: Machine}                                                    //nolint:gochecknoglobals // never changed
	readDAG = Reach{Class: Remote, Action: access.Read, About: NamedDAG}               //nolint:gochecknoglobals // never changed
	readAll = Reach{Class: Remote, Action: access.Read, About: AllDAGs}                //nolint:gochecknoglobals // never changed
	read    = Reach{Class: Remote, Action: access.Read, About: NoDAG}                  //nolint:gochecknoglobals // never changed
	doDAG   = Reach{Class: Remote, Action: access.Operate, About: NamedDAG}            //nolint:gochecknoglobals // never changed
	readOwn = Reach{Class: Remote, Action: access.Read, About: OwnDAGs}                //nolint:gochecknoglobals // never changed
	doOwn   = Reach{Class: Remote, Action: access.Operate, About: OwnDAGs}             //nolint:gochecknoglobals // never changed
	admin   = Reach{Class: Remote, Action: access.Configure, About: AllDAGs}           //nolint:gochecknoglobals // never changed
	secret  = "a secret in plain text does not leave the machine of the server"        //nolint:gochecknoglobals // a constant
	someone = "over a connection the user of the token is the one who is written down" //nolint:gochecknoglobals // a constant
)

// table has a row for each command that does something. A command without one cannot be called from another machine.
var table = merged( //nolint:gochecknoglobals // a constant table
	map[string]Reach{
		"standalone": machine, "scheduler": machine, "worker": machine, "db clean": machine, "db copy": machine, "db migrate": machine, "db check": machine, "db upgrade-plan": machine,
		"demo": local, "sandbox": local, "sandbox say": local, "sandbox press": local,
		"operators list": local, "operators show": local, "operators docs": local, "keys": local, "schema": local, "version": local,
		"dags validate": local, "dags convert": local, "dags test": local, "tasks test": local,
	},
	map[string]Reach{
		"dags list": readOwn, "dags list-import-errors": readOwn,
		"dags show": readDAG, "dags next-execution": readDAG, "dags list-runs": readOwn, "dags state": readDAG, "dags why": readDAG,
		"dags trigger": doDAG, "dags pause": doDAG, "dags unpause": doDAG, "dags clear": doDAG, "dags mark-success": doDAG, "dags mark-failed": doDAG,
		"dags delete": doDAG, "dags delete-run": doDAG,
		"tasks list": readDAG, "tasks render": readDAG, "tasks logs": readDAG, "tasks tries": readDAG, "tasks xcoms": readDAG,
		"tasks state": readDAG, "tasks states-for-dag-run": readDAG, "tasks why": readDAG,
		"tasks clear": doDAG, "tasks mark-success": doDAG, "tasks mark-failed": doDAG,
		"assets list": readOwn, "assets events": readOwn.with(numbered), "assets emit": doOwn.with(numbered), "assets materialize": doOwn.with(numbered),
		"asks list": readOwn, "asks show": readOwn.with(numbered),
		"asks answer": doOwn.with(func(r *Reach) { r.Numbered, r.More = true, map[string]access.Action{"for": access.Configure} }),
		"health":      read, // as on the pages
	},
	backfills("backfill"), backfills("dags backfill"),
	map[string]Reach{
		"alerts list":   readOwn.with(func(r *Reach) { r.DAGFlag = "dag" }),
		"alerts show":   readOwn.with(numbered),
		"alerts told":   readDAG,
		"alerts check":  readOwn,
		"alerts export": readOwn,
		"alerts retry":  doOwn.with(decides), "alerts drop": doOwn.with(decides),
		"alerts ack": doOwn.with(func(r *Reach) {
			decides(r)
			r.Refused = map[string]string{"by": someone}
		}),
		"alerts snooze":   doDAG.with(func(r *Reach) { r.Args, r.Most, r.Wide = 2, 2, []string{"all"} }),
		"alerts snoozes":  readOwn,
		"alerts unsnooze": doOwn.with(func(r *Reach) { r.Numbered, r.Wide = true, []string{"all"} }),
	},
	map[string]Reach{
		"nodes list": read, "nodes drain": admin,
		"pools list": read, "pools get": read, "pools export": read.with(writes),
		"pools set": admin, "pools delete": admin, "pools import": admin.with(reads),
		// What was done to users, tokens, connections and variables is for admins, see Unseen in the options of package api.
		"events list":   readOwn,
		"chat bindings": readAll, "chat log": admin, "chat unbind": admin,
		"owners list": readAll.with(func(r *Reach) {
			r.More = map[string]access.Action{"show-mobiles": access.Configure, "refresh": access.Configure}
		}),
		"users list": admin, "users create": admin, "users set": admin, "users password": admin, "users delete": admin,
		"tokens list": admin, "tokens create": admin, "tokens revoke": admin,
		"variables list": admin, "variables get": admin, "variables set": admin, "variables delete": admin,
		"variables export": admin.with(writes), "variables import": admin.with(reads),
		"connections list": admin, "connections add": admin, "connections delete": admin, "connections test": admin,
		"connections get": admin.with(func(r *Reach) { r.Refused = map[string]string{"show-secrets": secret} }),
		"connections export": admin.with(func(r *Reach) {
			writes(r)
			r.Refused = map[string]string{"with-secrets": secret}
		}),
		"connections import": admin.with(reads),
		"connections edit":   admin.with(func(r *Reach) { r.Reads, r.Edits, r.FileFlag = true, true, "from" }),
	},
)

// backfills are the commands about backfills below a path.
func backfills(path string) map[string]Reach {
	return map[string]Reach{
		path + " create": doDAG.with(func(r *Reach) { r.DAGFlag = "dag-id" }), path + " list": readOwn,
		path + " pause": doOwn.with(numbered), path + " unpause": doOwn.with(numbered), path + " cancel": doOwn.with(numbered),
	}
}

// with is a row that differs.
func (r Reach) with(change func(*Reach)) Reach {
	change(&r)
	return r
}

// decides is for commands that take numbers of alerts, or select them by flags.
func decides(r *Reach) { r.Args, r.DAGFlag = -1, "dag" }

// numbered is for commands that take a number.
func numbered(r *Reach) { r.Numbered = true }

func reads(r *Reach)  { r.Reads = true }
func writes(r *Reach) { r.Writes = true }

// merged are all rows.
func merged(parts ...map[string]Reach) map[string]Reach {
	all := map[string]Reach{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}
