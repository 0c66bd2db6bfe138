// Laid over a file that only tests of this package need, and that brings clients that fake the whole API.

package generic
