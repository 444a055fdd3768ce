// Passkeys and keys as second factors: only a script can ask the browser for them.
for (const form of document.querySelectorAll('form[data-key]')) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) continue
  form.hidden = false
  form.addEventListener('submit', (event) => {
    if (form.elements.credential.value) return
    event.preventDefault()
    ask(form)
  })
}

async function ask(form) {
  const alert = form.querySelector('[role=alert]')
  alert.hidden = true
  try {
    const fields = new URLSearchParams(new FormData(form))
    // The captcha stands in another form of the page.
    for (const token of document.querySelectorAll('.captcha [name$=-response]')) fields.append(token.name, token.value)
    const answer = await fetch(form.dataset.key, { method: 'POST', body: fields })
    if (!answer.ok) throw new Error('The server did not let you try. Load the page again.')
    const { challenge_id, options } = await answer.json()
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    const credential = await navigator.credentials.get({ publicKey })
    form.elements.challenge_id.value = challenge_id
    form.elements.credential.value = JSON.stringify(credential.toJSON())
    form.submit()
  } catch (error) {
    alert.textContent = error.name === 'NotAllowedError' ? 'No key was used. Try again, or sign in another way.' : error.message
    alert.hidden = false
  }
}
