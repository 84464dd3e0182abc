package dags

import (
	"context"
	"errors"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/web/rest"
)

// favorite makes a DAG a favourite of whoever asks. Who may look at it may do that: nobody else sees it.
func (c *calls) favorite(ctx context.Context, in *one) (*struct{}, error) {
	err := c.browse.SetFavorite(ctx, in.DAGID, true)
	if errors.Is(err, api.ErrExists) {
		return nil, rest.Duplicate("DAG is marked as favorite already")
	}
	return nil, err
}

// unfavorite takes it away.
func (c *calls) unfavorite(ctx context.Context, in *one) (*struct{}, error) {
	err := c.browse.SetFavorite(ctx, in.DAGID, false)
	if errors.Is(err, browse.ErrNoFavorite) {
		return nil, rest.Conflict("DAG is not marked as favorite")
	}
	return nil, err
}
