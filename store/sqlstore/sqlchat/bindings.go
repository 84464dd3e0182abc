package sqlchat

import (
	"context"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	bindingTable = sqlrow.Declare("chat_binding", func(b *store.Binding) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &b.ID),
			sqlrow.Col("conn_id", &b.ConnID),
			sqlrow.Col("conversation_id", &b.ConversationID),
			sqlrow.Col("title", &b.Title),
			sqlrow.Col("is_group", &b.Group),
			sqlrow.Col("user_id", &b.UserID),
			sqlrow.Col("kind", &b.Kind),
			sqlrow.Col("value", &b.Value),
			sqlrow.Col("made_by", &b.MadeBy.Name),
			sqlrow.Col("made_via", &b.MadeBy.Via),
			sqlrow.Col("made_at", sqlrow.Moment(&b.MadeAt)),
		}
	})
	bindingNew = bindingTable.But("id")
)

// Bindings returns which conversations are told of which DAGs, see [store.Bindings].
func (q Queries) Bindings(ctx context.Context) ([]*store.Binding, error) {
	all, err := sqlrow.Collect(ctx, q.c, bindingTable.Scan, bindingTable.Select()+" ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", err)
	}
	return all, nil
}

// BindingsTo returns the bindings to some things, see [store.Bindings].
func (q Queries) BindingsTo(ctx context.Context, some ...store.BoundTo) ([]*store.Binding, error) {
	if len(some) == 0 {
		return nil, nil
	}
	args := make([]any, 0, 2*len(some))
	for _, to := range some {
		args = append(args, string(to.Kind), to.Value)
	}
	all, err := sqlrow.Collect(ctx, q.c, bindingTable.Scan,
		bindingTable.Select()+" WHERE "+strings.Repeat("kind = ? AND value = ? OR ", len(some)-1)+"kind = ? AND value = ? ORDER BY id", args...)
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", err)
	}
	return all, nil
}

// InsertBinding adds a binding, see [store.BindingsTx].
func (q Queries) InsertBinding(ctx context.Context, b *store.Binding) (bool, error) {
	ids, err := sqlrow.Column[int64](ctx, q.c, bindingNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", bindingNew.Args(b)...)
	if err != nil {
		return false, fmt.Errorf("bind %s to %q: %w", b.ConversationID, b.What(), err)
	}
	if len(ids) == 0 {
		return false, nil
	}
	b.ID = ids[0]
	return true, nil
}

// DeleteBinding deletes a binding, see [store.BindingsTx].
func (q Queries) DeleteBinding(ctx context.Context, id int64) (bool, error) {
	n, err := q.c.Exec(ctx, "DELETE FROM chat_binding WHERE id = ?", id)
	if err != nil {
		return false, fmt.Errorf("delete binding %d: %w", id, err)
	}
	return n > 0, nil
}
