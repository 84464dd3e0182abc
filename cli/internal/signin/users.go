// Package signin has the commands about who signs in: users, and the API tokens of programs.
package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// NewUsers makes the command users.
func NewUsers(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "users", Short: "Manage who may sign in, and what they may do",
		Example: "  dingdag users create ann --role admin\n  dingdag users list",
	}
	cmd.AddCommand(newCmdUsersList(a), newCmdUsersCreate(a), newCmdUsersSet(a), newCmdUsersPassword(a), newCmdUsersDelete(a))
	return cmd
}

// open is who signs in, in the store of the home folder.
func open(ctx context.Context, a *app.App) (*accounts.Accounts, error) {
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return accounts.New(accounts.Options{Store: s, Clock: a.Clock, Log: a.Log()}), nil
}

// userRow is a user as lists show it.
type userRow struct {
	Name       string     `json:"username" yaml:"username"`
	FullName   string     `json:"full_name" yaml:"full_name"`
	Role       string     `json:"role" yaml:"role"`
	DAGs       []string   `json:"dags" yaml:"dags"`
	Disabled   bool       `json:"disabled" yaml:"disabled"`
	Issuer     string     `json:"issuer,omitempty" yaml:"issuer,omitempty"`
	CreatedAt  time.Time  `json:"created_at" yaml:"created_at"`
	SignedInAt *time.Time `json:"last_sign_in" yaml:"last_sign_in"`
}

func newCmdUsersList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List who may sign in", Example: "  dingdag users list -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runUsersList(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runUsersList(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	var all []*users.User
	if ok, err := a.HasStore(); err != nil {
		return err
	} else if ok {
		who, err := open(ctx, a)
		if err != nil {
			return err
		}
		if all, err = who.Users(ctx); err != nil {
			return err
		}
	}
	l := show.List{Columns: []string{"User", "Name", "Role", "DAGs", "Disabled", "Last sign-in"}, Wrap: []string{"DAGs"}, Drop: []string{"Name", "Last sign-in"}, Zone: a.ShowZone()}
	for _, u := range all {
		row := userRow{Name: u.Name, FullName: u.FullName, Role: u.Role, DAGs: u.DAGs, Disabled: !u.DisabledAt.IsZero(), Issuer: u.Issuer, CreatedAt: u.CreatedAt.UTC(), SignedInAt: moment(u.SignedInAt)}
		disabled, last := "", ""
		if row.Disabled {
			disabled = "yes"
		}
		if row.SignedInAt != nil {
			last = a.Date(*row.SignedInAt)
		}
		l.Add(row, u.Name, u.FullName, u.Role, strings.Join(u.DAGs, ","), disabled, last)
	}
	return l.Print(a.Out, output)
}

// moment is a time, or nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func newCmdUsersCreate(a *app.App) *cobra.Command {
	var (
		role, name string
		dags       []string
	)
	cmd := &cobra.Command{
		Use: "create USER", Short: "Add a user",
		Long: `Adds a user, whose password is read from the terminal or standard input. A viewer may look, an operator may also
trigger, clear, mark and pause, an admin may do everything. --dag limits a viewer or an operator to some DAGs.`,
		Example: "  dingdag users create ann --role admin\n  dingdag users create bob --role operator --dag tag:finance --dag owner:bob < password",
		Args:    command.ExactArgs("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := parseRole(role)
			if err != nil {
				return err
			}
			password, err := readPassword(cmd.Context(), a)
			if err != nil {
				return err
			}
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			u, err := who.Create(cmd.Context(), accounts.NewUser{Name: args[0], FullName: name, Role: r, DAGs: dags, Password: password}, a.Actor())
			if err != nil {
				return explained(a, err)
			}
			_, err = fmt.Fprintf(a.Out, "user %s is created: %s of %s\n", u.Name, u.Role, what(u.DAGs))
			return err
		},
	}
	rightsFlags(cmd, &role, &name, &dags)
	return cmd
}

// rightsFlags adds what a user is and may do.
func rightsFlags(cmd *cobra.Command, role, name *string, dags *[]string) {
	cmd.Flags().StringVar(role, "role", "viewer", "what the user may do: "+strings.Join(access.Roles(), ", "))
	command.CompleteWords(cmd, "role", access.Roles()...)
	cmd.Flags().StringVar(name, "full-name", "", "how the person is called")
	cmd.Flags().StringArrayVar(dags, "dag", nil, "only these DAGs: tag:NAME, owner:NAME, dag:ID, or * for all; may be given several times")
}

func parseRole(name string) (access.Role, error) {
	r, err := access.ParseRole(name)
	if err != nil {
		return r, command.Usagef("--role: %s", err.Error())
	}
	return r, nil
}

func readPassword(ctx context.Context, a *app.App) (connections.Secret, error) {
	text, err := a.ReadSecret(ctx, "password")
	if err == nil && text == "" {
		err = command.Usagef("standard input has no password")
	}
	return connections.Secret(text), err
}

// explained says what to do about an error.
func explained(a *app.App, err error) error {
	var mistake *accounts.MistakeError
	switch {
	case errors.As(err, &mistake):
		return command.Usagef("%s", err.Error())
	case errors.Is(err, accounts.ErrLastAdmin):
		return fmt.Errorf("%w, or give --last-admin", err)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %s lists them", err, a.Command("users", "list"))
	default:
		return err
	}
}

// what is which DAGs, in words.
func what(dags []string) string {
	if len(dags) == 1 && dags[0] == "*" {
		return "all DAGs"
	}
	return strings.Join(dags, ",")
}

func newCmdUsersSet(a *app.App) *cobra.Command {
	var (
		role, name      string
		dags            []string
		disable, enable bool
		lastAdmin       bool
	)
	cmd := &cobra.Command{
		Use: "set USER", Short: "Change what a user may do, or disable or enable a user",
		Long: `Changes what is given and leaves the rest. A user who is disabled is signed out everywhere at once, and the
user's tokens are dead until the user is enabled again.`,
		Example: "  dingdag users set bob --role operator\n  dingdag users set bob --disable", Args: command.ExactArgs("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := accounts.Change{LastAdmin: lastAdmin}
			if cmd.Flags().Changed("role") {
				r, err := parseRole(role)
				if err != nil {
					return err
				}
				c.Role = &r
			}
			if cmd.Flags().Changed("full-name") {
				c.FullName = &name
			}
			if cmd.Flags().Changed("dag") {
				c.DAGs = &dags
			}
			if disable || enable {
				c.Disabled = &disable
			}
			if c == (accounts.Change{LastAdmin: c.LastAdmin}) {
				return command.Usagef("nothing to change: give --role, --dag, --full-name, --disable or --enable")
			}
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			u, err := who.Set(cmd.Context(), args[0], c, a.Actor())
			if err != nil {
				return explained(a, err)
			}
			state := ""
			if !u.DisabledAt.IsZero() {
				state = ", disabled"
			}
			_, err = fmt.Fprintf(a.Out, "user %s is changed: %s of %s%s\n", u.Name, u.Role, what(u.DAGs), state)
			return err
		},
	}
	rightsFlags(cmd, &role, &name, &dags)
	cmd.Flags().BoolVar(&disable, "disable", false, "let the user do nothing any more")
	cmd.Flags().BoolVar(&enable, "enable", false, "let a user who is disabled sign in again")
	cmd.MarkFlagsMutuallyExclusive("disable", "enable")
	lastAdminFlag(cmd, &lastAdmin)
	return cmd
}

func newCmdUsersPassword(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "password USER", Short: "Give a user another password, and sign the user out everywhere",
		Long:    "Reads the password from the terminal or standard input. The user's API tokens stay.",
		Example: "  dingdag users password ann\n  dingdag users password ann < password", Args: command.ExactArgs("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(cmd.Context(), a)
			if err != nil {
				return err
			}
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			if err := who.SetPassword(cmd.Context(), args[0], password, a.Actor()); err != nil {
				return explained(a, err)
			}
			_, err = fmt.Fprintf(a.Out, "user %s has another password\n", strings.ToLower(args[0]))
			return err
		},
	}
}

// lastAdminFlag lets the last admin go.
func lastAdminFlag(cmd *cobra.Command, last *bool) {
	cmd.Flags().BoolVar(last, "last-admin", false, "even if nobody could make users any more but by this command")
}

func newCmdUsersDelete(a *app.App) *cobra.Command {
	var lastAdmin bool
	cmd := &cobra.Command{
		Use: "delete USER", Short: "Remove a user with all tokens", Example: "  dingdag users delete bob", Args: command.ExactArgs("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			if err := who.Delete(cmd.Context(), args[0], lastAdmin, a.Actor()); err != nil {
				return explained(a, err)
			}
			_, err = fmt.Fprintf(a.Out, "user %s is deleted\n", strings.ToLower(args[0]))
			return err
		},
	}
	lastAdminFlag(cmd, &lastAdmin)
	return cmd
}
