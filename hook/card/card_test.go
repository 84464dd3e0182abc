package card_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

func operations() map[string]calltest.Operation {
	return map[string]calltest.Operation{
		"card_create_and_deliver": {Function: "Create", Result: "result", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return card.Create(ctx, a, card.Delivery{
				TemplateID: "tpl.schema", OutTrackID: "run-42", CallbackType: "STREAM", Param: map[string]string{"title": "Deploy?"},
				OpenConversationID: "cidAb/3dE+f0==", SupportForward: true,
			})
		}},
		"card_update": {Function: "Update", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, card.Update(ctx, a, card.Change{OutTrackID: "run-42", Param: map[string]string{"title": "Deployed"}})
		}},
		"card_streaming_update": {Function: "Stream", Result: "-", Call: func(ctx context.Context, a *hook.App) (any, error) {
			return nil, card.Stream(ctx, a, card.Piece{OutTrackID: "run-42", GUID: "g-1", Key: "content", Content: "partial text", Full: true})
		}},
	}
}

func TestCardsToPeople(t *testing.T) {
	t.Parallel()
	s := calltest.Start(t, calltest.Answering(`{"success":true,"result":{"outTrackId":"t","deliverResults":[{"spaceId":"u1","success":false,"errorMsg":"no such user"}]}}`))
	a := s.App(t)
	_, err := card.Create(t.Context(), a, card.Delivery{TemplateID: "x", OutTrackID: "t", UserID: "u1"})
	assert.Contains(t, calltest.Failed(t, err).Error(), "not delivered to u1: no such user")
	want := `{"cardTemplateId":"x","outTrackId":"t","cardData":{"cardParamMap":{}},"openSpaceId":"dtv1.card//IM_ROBOT.u1","userIdType":1,
		"imRobotOpenSpaceModel":{"supportForward":false},"imRobotOpenDeliverModel":{"spaceType":"IM_ROBOT","robotCode":"` + calltest.AppKey + `"}}`
	assert.JSONEq(t, want, s.Got()[0].Body)

	_, err = card.Create(t.Context(), a, card.Delivery{TemplateID: "x", OutTrackID: "t", UserID: "u1", OpenConversationID: "cid"})
	assert.Equal(t, hook.KindInvalid, calltest.Failed(t, err).Kind)
	require.NoError(t, card.Update(t.Context(), a, card.Change{OutTrackID: "t", Private: map[string]map[string]string{"u1": {"a": "b"}}}))
	assert.JSONEq(t, `{"outTrackId":"t","cardData":{"cardParamMap":{}},"privateData":{"u1":{"cardParamMap":{"a":"b"}}},"userIdType":1,
		"cardUpdateOptions":{"updateCardDataByKey":true,"updatePrivateDataByKey":true}}`, s.Got()[1].Body)

	_, err = card.Create(t.Context(), a, card.Delivery{TemplateID: "x", OutTrackID: "t", UserIDs: []string{"u1", "u2"}})
	require.Error(t, err)
	assert.Contains(t, s.Got()[2].Body, `"openSpaceId":"dtv1.card//IM_ROBOT.u1;dtv1.card//IM_ROBOT.u2"`, "all have the same card")
}
