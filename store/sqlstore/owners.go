package sqlstore

import (
	"context"
	"fmt"

	"github.com/dingdag/dingdag/store"
)

var (
	ownerTable = declare("owner_answer", func(a *store.OwnerAnswer) []field {
		return []field{
			{"name", &a.Name},
			{"asked", &a.Asked},
			{"people", rawJSON{&a.People}},
			{"at", moment{&a.At}},
			{"failed_since", moment{&a.FailedSince}},
			{"error", &a.Error},
		}
	})
	ownerAll, ownerState = ownerTable.but(), ownerTable.but("name")
)

// OwnerAnswers returns all answers, see [store.OwnerAnswers].
func (q Queries) OwnerAnswers(ctx context.Context) ([]*store.OwnerAnswer, error) {
	as, err := collect(ctx, q.c, ownerTable.scan, ownerTable.rows()+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("read who owners are: %w", err)
	}
	return as, nil
}

// PutOwnerAnswer writes an answer.
func (q Queries) PutOwnerAnswer(ctx context.Context, a *store.OwnerAnswer) error {
	_, err := q.c.Exec(ctx, ownerAll.insert()+" ON CONFLICT (name) DO UPDATE SET "+ownerState.excluded, ownerAll.args(a)...)
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
