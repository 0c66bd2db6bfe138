// Package postgres stands in for state in a database.
package postgres

import "gocloud.dev/blob/s3blob"

func init() { s3blob.Refuse("postgres") }
