// Browsers start no Worker for a page that is opened from the disk. There, the site's search runs in a hidden
// frame of the page instead. The theme would take a script for that from a CDN.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const scope = frame.contentWindow
      const tell = (target, data) => target.dispatchEvent(new MessageEvent("message", { data }))
      scope.postMessage = (data) => tell(this, data)
      const started = new Promise((resolve, reject) => {
        const script = scope.document.createElement("script")
        script.src = address
        script.onload = resolve
        script.onerror = () => reject(new Error(`${address} could not be loaded`))
        scope.document.body.append(script)
      })
      // What is posted before the script is there waits for it, in order.
      this.postMessage = (data) => started.then(() => tell(scope, data))
      this.terminate = () => frame.remove()
    }
  }
}
