// SPDX-License-Identifier: Apache-2.0
import './style.css';

const app = document.getElementById('app');
if (app) app.textContent = 'Narthex';
