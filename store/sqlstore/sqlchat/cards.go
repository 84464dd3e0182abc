package sqlchat

import (
	"context"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	cardTable = sqlrow.Declare("card", cardFields)
	cardAll   = cardTable.But()
	cardLook  = cardTable.Only("shown", "failures", "next_look", "error", "updated_at", "closed_at")

	// cardNow is a card with the rows that say what has become of it.
	cardNow = sqlrow.Declare(`(SELECT card.*, coalesce(d.state, '') AS delivery, coalesce(d.receipt, '') AS receipt,
		coalesce(d.acked_by, '') AS acked_by, d.acked_at, coalesce(r.id, 0) AS run_key, coalesce(r.state, '') AS run_state,
		coalesce(i.state, '') AS task_state, coalesce(i.try, 0) AS last_try, i.retry_at
		FROM card LEFT JOIN delivery d ON d.id = card.delivery_id
		LEFT JOIN dag_run r ON r.dag_id = card.dag_id AND r.run_id = card.run_id
		LEFT JOIN task_instance i ON i.run_key = r.id AND i.task_id = card.task_id AND i.map_index = card.map_index) AS card`,
		func(n *store.CardNow) []sqlrow.Field {
			return append(cardFields(&n.Card),
				sqlrow.Col("delivery", &n.Delivery),
				sqlrow.Col("receipt", &n.Receipt),
				sqlrow.Col("acked_by", &n.AckedBy),
				sqlrow.Col("acked_at", sqlrow.Moment(&n.AckedAt)),
				sqlrow.Col("run_key", &n.RunKey),
				sqlrow.Col("run_state", &n.RunState),
				sqlrow.Col("task_state", &n.State),
				sqlrow.Col("last_try", &n.LastTry),
				sqlrow.Col("retry_at", sqlrow.Moment(&n.RetryAt)),
			)
		})

	pressTable = sqlrow.Declare("card_press", func(p *store.CardPress) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("out_track_id", &p.OutTrackID),
			sqlrow.Col("press", &p.Press),
			sqlrow.Col("action", &p.Action),
			sqlrow.Col("pressed_by", &p.By),
			sqlrow.Col("said", &p.Said),
			sqlrow.Col("at", sqlrow.Moment(&p.At)),
		}
	})
	pressAll = pressTable.But()
)

func cardFields(c *store.Card) []sqlrow.Field {
	return []sqlrow.Field{
		sqlrow.Col("out_track_id", &c.OutTrackID),
		sqlrow.Col("conn_id", &c.ConnID),
		sqlrow.Col("kind", &c.Kind),
		sqlrow.Col("delivery_id", &c.DeliveryID),
		sqlrow.Col("dag_id", &c.DAGID),
		sqlrow.Col("run_id", &c.RunID),
		sqlrow.Col("task_id", &c.TaskID),
		sqlrow.Col("map_index", &c.MapIndex),
		sqlrow.Col("try", &c.Try),
		sqlrow.Col("open_conversation_id", &c.OpenConversationID),
		sqlrow.Col("user_ids", sqlrow.List(&c.UserIDs)),
		sqlrow.Col("face", sqlrow.RawJSON(&c.Face)),
		sqlrow.Col("shown", &c.Shown),
		sqlrow.Col("failures", &c.Failures),
		sqlrow.Col("error", &c.Error),
		sqlrow.Col("next_look", sqlrow.Moment(&c.NextLook)),
		sqlrow.Col("made_at", sqlrow.Moment(&c.MadeAt)),
		sqlrow.Col("updated_at", sqlrow.Moment(&c.UpdatedAt)),
		sqlrow.Col("closed_at", sqlrow.Moment(&c.ClosedAt)),
	}
}

// Card returns a card with what has become of it, see [store.Cards].
func (q Queries) Card(ctx context.Context, outTrackID string) (*store.CardNow, error) {
	all, err := q.cards(ctx, " WHERE out_track_id = ?", outTrackID)
	if err == nil && len(all) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("card %q: %w", outTrackID, err)
	}
	return all[0], nil
}

// OpenCards returns the cards that are not closed, see [store.Cards].
func (q Queries) OpenCards(ctx context.Context, now, behind time.Time, after string, limit int) ([]*store.CardNow, error) {
	all, err := q.cards(ctx, " WHERE closed_at IS NULL AND (made_at, out_track_id) > (?, ?) AND (next_look IS NULL OR next_look <= ?) ORDER BY made_at, out_track_id LIMIT ?",
		behind.UnixMilli(), after, sqlrow.UnixMilli(now), limit)
	if err != nil {
		return nil, fmt.Errorf("read open cards: %w", err)
	}
	return all, nil
}

// cards are those of a condition, with their presses.
func (q Queries) cards(ctx context.Context, where string, args ...any) ([]*store.CardNow, error) {
	all, err := sqlrow.Collect(ctx, q.c, cardNow.Scan, cardNow.Select()+where, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids, byID := make([]any, len(all)), make(map[string]*store.CardNow, len(all))
	for i, c := range all {
		ids[i], byID[c.OutTrackID] = c.OutTrackID, c
	}
	return all, sqlrow.Stream(ctx, q.c, pressTable.Scan, func(p *store.CardPress) error {
		c := byID[p.OutTrackID]
		c.Presses = append(c.Presses, p)
		return nil
	}, pressTable.Select()+" WHERE out_track_id IN ("+sqlrow.Marks(len(ids))+") ORDER BY at, press", ids...)
}

// InsertCard adds a card unless there is one, see [store.CardsTx].
func (q Queries) InsertCard(ctx context.Context, c *store.Card) (bool, error) {
	n, err := q.c.Exec(ctx, cardAll.Insert()+" ON CONFLICT DO NOTHING", cardAll.Args(c)...)
	if err != nil {
		return false, fmt.Errorf("write card %q: %w", c.OutTrackID, err)
	}
	return n > 0, nil
}

// UpdateCard writes what became of a card, see [store.CardsTx].
func (q Queries) UpdateCard(ctx context.Context, c *store.Card) error {
	if _, err := q.c.Exec(ctx, cardLook.Update()+" WHERE out_track_id = ?", cardLook.Args(c, c.OutTrackID)...); err != nil {
		return fmt.Errorf("update card %q: %w", c.OutTrackID, err)
	}
	return nil
}

// PutCardPress notes a press, see [store.CardsTx].
func (q Queries) PutCardPress(ctx context.Context, p *store.CardPress) error {
	_, err := q.c.Exec(ctx, pressAll.Insert()+" ON CONFLICT DO NOTHING", pressAll.Args(p)...)
	if err == nil {
		_, err = q.c.Exec(ctx, "UPDATE card SET next_look = NULL WHERE out_track_id = ?", p.OutTrackID)
	}
	if err != nil {
		return fmt.Errorf("note a press of card %q: %w", p.OutTrackID, err)
	}
	return nil
}
