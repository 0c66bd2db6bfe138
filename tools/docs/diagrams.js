// A diagram shrinks until its text is as small as can still be read; on a narrower screen it scrolls.
{
  const render = mermaid.render
  mermaid.render = async (...words) => {
    const drawn = await render(...words)
    const smallest = (rule, width) => `${rule} min-width: ${width * 0.6}px;`
    return { ...drawn, svg: drawn.svg.replace(/max-width: ([\d.]+)px;/, smallest) }
  }
}
