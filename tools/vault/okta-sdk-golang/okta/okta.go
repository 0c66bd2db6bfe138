// Package okta stands in for Okta's SDK, one package of 12 MB that Vault needs for a second factor by Okta
// alone. Here that factor is refused when it is asked for; no other one is touched.
package okta

import (
	"context"
	"errors"
)

var errAbsent = errors.New("a second factor by Okta is not in this Vault: it was built for a sandbox")

// Configuration is what a client would be made from.
type Configuration struct{ Context context.Context }

// ConfigSetter is taken, and changes nothing.
type ConfigSetter func(*Configuration)

// NewConfiguration refuses, so that nothing below is ever reached.
func NewConfiguration(...ConfigSetter) (*Configuration, error) { return nil, errAbsent }

// WithToken is taken, and changes nothing.
func WithToken(string) ConfigSetter { return nil }

// WithOrgUrl is taken, and changes nothing.
func WithOrgUrl(string) ConfigSetter { return nil }

// WithCache is taken, and changes nothing.
func WithCache(bool) ConfigSetter { return nil }

// APIClient has the calls that Vault makes.
type APIClient struct {
	UserAPI       users
	UserFactorAPI factors
}

// NewAPIClient makes a client that refuses every call.
func NewAPIClient(*Configuration) *APIClient { return &APIClient{} }

// GetConfig is an empty one.
func (*APIClient) GetConfig() *Configuration { return &Configuration{Context: context.Background()} }

// call answers with an error where a T was asked for.
type call[T any] struct{}

func (c call[T]) Filter(string) call[T] { return c }

func (call[T]) Execute() (T, any, error) {
	var none T
	return none, nil, errAbsent
}

type named struct{}

func (named) GetId() string { return "" }

// UserFactorPush is a factor that is pushed to a phone.
type UserFactorPush struct{ named }

type factor struct{ UserFactorPush *UserFactorPush }

type verification struct{ Links any }

func (*verification) GetFactorResult() string { return "" }

type transaction struct {
	UserFactorPushTransaction, UserFactorPushTransactionWaiting         *struct{}
	UserFactorPushTransactionRejected, UserFactorPushTransactionTimeout *struct{}
}

type users struct{}

func (users) ListUsers(context.Context) call[[]named] { return call[[]named]{} }

type factors struct{}

func (factors) ListFactors(context.Context, string) call[[]factor] { return call[[]factor]{} }

func (factors) VerifyFactor(_ context.Context, _, _ string) call[*verification] {
	return call[*verification]{}
}

func (factors) GetFactorTransactionStatus(_ context.Context, _, _, _ string) call[*transaction] {
	return call[*transaction]{}
}
