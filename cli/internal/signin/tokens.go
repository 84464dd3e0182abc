package signin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// NewTokens makes the command tokens.
func NewTokens(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "tokens", Short: "Manage the API tokens by which programs act for users",
		Example: "  dingdag tokens create ann CI --role operator --dag tag:finance --days 90\n  dingdag tokens list",
	}
	cmd.AddCommand(newCmdTokensList(a), newCmdTokensCreate(a), newCmdTokensRevoke(a))
	return cmd
}

// tokenRow is a token as lists show it.
type tokenRow struct {
	ID        int64      `json:"id" yaml:"id"`
	User      string     `json:"username" yaml:"username"`
	Name      string     `json:"name" yaml:"name"`
	Role      string     `json:"role" yaml:"role"`
	DAGs      []string   `json:"dags" yaml:"dags"`
	CreatedAt time.Time  `json:"created_at" yaml:"created_at"`
	ExpiresAt *time.Time `json:"expires_at" yaml:"expires_at"`
	UsedAt    *time.Time `json:"last_used_at" yaml:"last_used_at"`
	Address   string     `json:"last_used_from" yaml:"last_used_from"`
}

func newCmdTokensList(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list [USER]", Short: "List the API tokens, of all users or of one", Long: "Lists what is known of the tokens. Nobody can read a token again.",
		Example: "  dingdag tokens list ann -o json", Args: command.RangeArgs(0, "USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTokensList(cmd.Context(), a, command.Argument(args, 0), output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func runTokensList(ctx context.Context, a *app.App, user, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	var (
		all   []*users.Token
		names map[int64]string
	)
	if ok, err := a.HasStore(); err != nil {
		return err
	} else if ok {
		who, err := open(ctx, a)
		if err != nil {
			return err
		}
		if all, names, err = who.Tokens(ctx, user); err != nil {
			return explained(a, err)
		}
	}
	l := show.List{
		Columns: []string{"ID", "User", "Name", "Role", "DAGs", "Expires", "Last used", "From"}, Wrap: []string{"DAGs"}, Drop: []string{"From", "Last used"}, Zone: a.ShowZone(),
	}
	for _, t := range all {
		row := tokenRow{t.ID, names[t.UserID], t.Name, t.Role, t.DAGs, t.CreatedAt.UTC(), moment(t.ExpiresAt), moment(t.UsedAt), t.Address}
		expires, used := "never", ""
		if row.ExpiresAt != nil {
			expires = a.Date(*row.ExpiresAt)
		}
		if row.UsedAt != nil {
			used = a.Date(*row.UsedAt)
		}
		l.Add(row, strconv.FormatInt(t.ID, 10), row.User, t.Name, t.Role, strings.Join(t.DAGs, ","), expires, used, t.Address)
	}
	return l.Print(a.Out, output)
}

func newCmdTokensCreate(a *app.App) *cobra.Command {
	var (
		role string
		dags []string
		days int
	)
	cmd := &cobra.Command{
		Use: "create USER NAME", Short: "Make an API token with rights of a user, and print it",
		Long: `Prints the token to standard output, this once: the store has its hash alone. NAME says what it is for. The token has
what the user has at the time that it is used, or less: --role and --dag bound it.`,
		Example: "  dingdag tokens create ann CI --role operator --dag tag:finance --days 90", Args: command.ExactArgs("USER", "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := accounts.TokenRequest{User: args[0], Name: args[1], DAGs: dags}
			if role != "" {
				var err error
				if r.Role, err = parseRole(role); err != nil {
					return err
				}
			}
			if days < 0 {
				return command.Usagef("--days %d: must be 0, for a token that never expires, or more", days)
			}
			if days > 0 {
				r.ExpiresAt = a.Clock().AddDate(0, 0, days)
			}
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			token, t, err := who.CreateToken(cmd.Context(), r, a.Actor())
			if err != nil {
				return explained(a, err)
			}
			a.Notef("token %d of %s: keep it, nobody can read it again", t.ID, strings.ToLower(args[0]))
			_, err = fmt.Fprintln(a.ClearOutput(), token.Reveal())
			return err
		},
	}
	cmd.Flags().StringVar(&role, "role", "", "what the token may do at most: "+strings.Join(access.Roles(), ", ")+"; by default what its user may")
	command.CompleteWords(cmd, "role", access.Roles()...)
	cmd.Flags().StringArrayVar(&dags, "dag", nil, "only these DAGs: tag:NAME, owner:NAME or dag:ID; may be given several times")
	cmd.Flags().IntVar(&days, "days", 90, "after how many days the token expires; 0 is never")
	return cmd
}

func newCmdTokensRevoke(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End an API token at once", Example: "  dingdag tokens revoke 3", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return command.Usagef("%q is not the number of a token: %s lists them", args[0], a.Command("tokens", "list"))
			}
			who, err := open(cmd.Context(), a)
			if err != nil {
				return err
			}
			err = who.Revoke(cmd.Context(), id, "", a.Actor())
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("no token %d: %s lists them", id, a.Command("tokens", "list"))
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "token %d is revoked\n", id)
			return err
		},
	}
}
