package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	ownerTable = sqlrow.Declare("owner_answer", func(a *store.OwnerAnswer) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("name", &a.Name),
			sqlrow.Col("asked", &a.Asked),
			sqlrow.Col("people", sqlrow.RawJSON(&a.People)),
			sqlrow.Col("at", sqlrow.Moment(&a.At)),
			sqlrow.Col("failed_since", sqlrow.Moment(&a.FailedSince)),
			sqlrow.Col("error", &a.Error),
		}
	})
	ownerAll, ownerState = ownerTable.But(), ownerTable.But("name")
)

// OwnerAnswers returns all answers, see [store.OwnerAnswers].
func (q Queries) OwnerAnswers(ctx context.Context) ([]*store.OwnerAnswer, error) {
	as, err := sqlrow.Collect(ctx, q.c, ownerTable.Scan, ownerTable.Select()+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read who owners are: %w", err)
	}
	return as, nil
}

// PutOwnerAnswer writes an answer.
func (q Queries) PutOwnerAnswer(ctx context.Context, a *store.OwnerAnswer) error {
	_, err := q.c.Exec(ctx, ownerAll.Insert()+" ON CONFLICT (name) DO UPDATE SET "+ownerState.Excluded, ownerAll.Args(a)...)
	if err != nil {
		return fmt.Errorf("write who an owner is: %w", err)
	}
	return nil
}

// DropOwnerAnswer removes an answer.
func (q Queries) DropOwnerAnswer(ctx context.Context, name string) error {
	if _, err := q.c.Exec(ctx, "DELETE FROM owner_answer WHERE name = ?", name); err != nil {
		return fmt.Errorf("forget who an owner is: %w", err)
	}
	return nil
}
